"""Small things."""


def clean(text):
    """Takes the blanks off."""
    return text.strip()


def twice(function):
    def wrapper(*args):
        function(*args)
        return function(*args)
    return wrapper


def apply(function, value):
    return function(value)
