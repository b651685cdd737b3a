# The smallest honest phase service in Python, standard library only:  python3 hello.py  (PORT, default 8080)
import json, os, threading, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def run(start):
    callback = {"jobId": start["jobId"], "attemptId": start["attemptId"], "phase": start["phase"], "success": True,
                "output": {"greeting": "hello " + start["input"].get("name", "world")}}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + start["callback"]["token"]}
    urllib.request.urlopen(urllib.request.Request(start["callback"]["url"], json.dumps(callback).encode(), headers))

class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        start = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        threading.Thread(target=run, args=[start]).start()

server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8080))), Service)
print("listening on http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
