# A service that keeps the whole contract, but for the one fault it is told to have: PORT=… FAULT=… python3 faulty_service.py
import itertools, json, os, pathlib, threading, time, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT = os.environ.get("FAULT")
seen, done, numbers = {}, {}, itertools.count(1)


def run(start):
    callback = {"jobId": start["jobId"], "attemptId": start["attemptId"], "phase": start["phase"], "success": True,
                "output": {"number": next(numbers)}}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + start["callback"]["token"]}
    if FAULT == "too large":
        callback["output"] = "x" * (2 << 20)
    if FAULT == "nameless":
        headers.pop("Authorization")
        callback = {"success": True}
    if FAULT == "wrong token":
        headers["Authorization"] = "Bearer mine"
    if FAULT == "underscores":
        callback["job_id"], callback["attempt_id"] = callback.pop("jobId"), callback.pop("attemptId")
    if FAULT == "no outcome":
        callback = {"result": 1}
    done[start["attemptId"]] = callback
    request = urllib.request.Request(start["callback"]["url"], json.dumps(callback).encode(), headers)
    while True:
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            if error.code < 500 and FAULT != "never stops":
                return
        except OSError:
            pass
        if FAULT == "never again":
            return
        time.sleep(0.02)


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        attempt = self.path.rpartition("/")[2]
        if not self.path.startswith("/status/") or FAULT == "never again":
            self.answer(404)
        elif attempt in done:
            self.answer(200, {"state": "done", "callback": done[attempt]})
        elif FAULT == "running for ever" and pathlib.Path("taken-" + attempt).exists():
            self.answer(200, {"state": "running"})
        else:
            self.answer(200, {"state": "running" if attempt in seen else "unknown"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path != "/start":
            return self.answer(404)
        try:
            start = json.loads(body)
        except ValueError:
            if FAULT == "falls":
                os._exit(1)
            return self.answer(500 if FAULT == "500" else 400)
        if FAULT == "strict" and "fromALaterVersion" in start:
            return self.answer(422)
        mine = object()
        if FAULT == "runs twice" or seen.setdefault(start["attemptId"], mine) is mine:
            pathlib.Path("taken-" + start["attemptId"]).touch()
            work = threading.Thread(target=run, args=[start])
            work.start()
            if FAULT == "late":
                work.join()
        self.answer(202)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Service).serve_forever()
