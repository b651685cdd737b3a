# The smallest honest phase service in Python, standard library only:  python3 hello.py  (PORT, default 8080)
import json, os, threading, time, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def run(start):
    callback = {"jobId": start["jobId"], "attemptId": start["attemptId"], "phase": start["phase"], "success": True,
                "output": {"greeting": "hello " + start["input"].get("name", "world")}}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + start["callback"]["token"]}
    request = urllib.request.Request(start["callback"]["url"], json.dumps(callback).encode(), headers)
    for wait in 1, 2, 4, 8, 16, 32:     # until it is taken, or nobody wants it
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as refusal:
            if refusal.code < 500:
                return print("refused:", refusal)
        except OSError as error:
            print("sending again:", error)
        time.sleep(wait)

class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            start = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        except ValueError as error:
            return self.send_error(400, str(error))
        if self.path != "/start":
            return self.send_error(404)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        threading.Thread(target=run, args=[start]).start()

server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8080))), Service)
print("listening on http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
