//! Outside engines behind small traits: language model, translation, speech.
