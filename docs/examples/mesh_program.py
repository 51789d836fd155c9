#!/usr/bin/env python3
"""Takes part in a mesh of Tandem peers over HTTP: shares a folder, and downloads a file into it.

usage: mesh_program.py PEER_URL ID FOLDER [NAME]        such as http://127.0.0.1:8100 reader ./files photos/lake.jpg
Without a NAME it shares the folder until it is stopped. TANDEM_TOKEN: the token of the peer, if it wants one.
"""
import hashlib, json, os, queue, re, secrets, sys, threading, time, urllib.error, urllib.parse, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

peer, me, folder = sys.argv[1].rstrip("/"), sys.argv[2], Path(sys.argv[3])
hits = queue.Queue()  # one for each holder: {"peerId", "url", "files": [{"name", "sha256", "size"}]}

def files():
    for path in (p for p in sorted(folder.rglob("*")) if p.is_file()):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        yield {"name": path.relative_to(folder).as_posix(), "sha256": sha256, "size": path.stat().st_size}

def post(path, body):
    headers = {"content-type": "application/json"}
    if token := os.environ.get("TANDEM_TOKEN"):
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(peer + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.loads(reply.read() or b"null")

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):  # queries and hits that the peer sends
        body, wanted = json.loads(self.rfile.read(int(self.headers["content-length"]))), []
        if self.path == "/api/mesh/query-hit":
            hits.put(body)
        elif "pattern" not in body:
            wanted = [f for f in files() if body.get("name", f["name"]) == f["name"] and body.get("sha256", f["sha256"]) == f["sha256"]]
        if wanted:
            post("/api/mesh/query-hit", {"queryId": body["queryId"], "peerId": me, "files": wanted[:32]})
        self.send_response(204 if wanted or body.get("files") else 404)  # 404: no hit will follow
        self.end_headers()

    def do_GET(self):  # only names that are listed: none leads out of the folder
        name = urllib.parse.unquote(self.path.removeprefix("/files/by-name/"))
        found = any(name == f["name"] for f in files())
        data = (folder / name).read_bytes() if found else b"not found\n"
        start = re.match(r"bytes=(\d+)-", self.headers["range"] or "") if found else None  # resumed there
        self.send_response(206 if start else 200 if found else 404)
        if start:
            self.send_header("content-range", f"bytes {start[1]}-{len(data) - 1}/{len(data)}")
            data = data[int(start[1]):]
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass

def take_part(url):
    while True:  # joining again is harmless, and needed if the peer has restarted
        joined = post("/api/mesh/join", {"peerId": me, "url": url, "answers": True})
        post("/api/mesh/heartbeat", {"peerId": me, "isFirst": True, "files": list(files())[:64]})
        ready.set()
        time.sleep(joined["heartbeatMs"] / 1000)

def download(name):
    query = {"queryId": secrets.token_hex(16), "name": name, "ttl": 7, "origin": url}
    for hit in post("/api/mesh/query", query)["hits"]:
        hits.put(hit)
    while True:
        hit = hits.get(timeout=10)  # queue.Empty: no holder has answered
        for file in hit["files"]:
            try:
                with urllib.request.urlopen(f"{hit['url']}/files/by-name/{urllib.parse.quote(name)}", timeout=60) as reply:
                    data = reply.read()
            except OSError:
                continue
            if hashlib.sha256(data).hexdigest() == file["sha256"]:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
                return print(f"{name} from {hit['peerId']}: {len(data)} bytes, {file['sha256']}")

server = ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), 0), Handler)
url, ready = f"http://{server.server_address[0]}:{server.server_port}", threading.Event()
threading.Thread(target=server.serve_forever, daemon=True).start()
member = threading.Thread(target=take_part, args=[url], daemon=True)
member.start()
if not ready.wait(10):
    sys.exit("the peer does not let this program take part")
download(sys.argv[4]) if len(sys.argv) > 4 else member.join()
