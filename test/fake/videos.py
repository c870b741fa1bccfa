"""A local stand-in of the Assembly's video portal and of the servers that its pages lead to.

    portal = Portal(folder)      # media of PORTAL_SECONDS seconds, made by ffmpeg
    portal.url                   # http://127.0.0.1:PORT
    portal.page("19502241_6ac548b948b27")   # address of a page whose video has an mp3 beside it
    portal.asked                 # every request line, in order
    portal.hold()                # files stop half-way until portal.release()

Strict as the real one: what does not look like a browser gets 404; pages are HTML as the portal
writes it; media come with their length and their type; there is no byte more than was asked for.

  /video.<id>.<slug>              page: contentURL, og:video, thumbnail (mp3 and mp4 there)
  /video.<id>-<what>.<slug>       the same with another video: see PAGES
  /Datas/an/<id>/content/data.nvs timeline with files
  /vod/an.mp4, /vod/an.mp3        the video, the audio
  /vod/only.mp4                   a video without an mp3 beside it
  /vod/mute.mp4                   a video without sound
  /hls/master.m3u8, /hls/*.ts     the same in pieces
  /other/page.html                another site's page with a <video>
  /redirect?to=URL, /loop, /status/<code>, /html.mp4 (HTML called video), /text.mp4 (text called
  video), /playlist.mp4 and /concat.mp4 (lists of other files called video), /endless.mp3, /huge.mp4 (says 10 GB), /empty.mp3, /silent.mp3 (never a byte), /cut.mp3
"""

import http.server
import pathlib
import socketserver
import subprocess
import threading
import urllib.parse

PORTAL_SECONDS = 24
TYPES = {".mp4": "video/mp4", ".mp3": "audio/mpeg", ".wav": "audio/x-wav", ".ts": "video/mp2t",
         ".m3u8": "application/vnd.apple.mpegurl", ".html": "text/html; charset=UTF-8", ".m4a": "audio/mp4"}

PAGE = """<!DOCTYPE html>
<html lang="fr" itemscope itemtype="http://schema.org/WebPage">
	<head>
		<title>{title} - Vidéos de l'Assemblée nationale</title>
		<meta name="description" content="- {text}"/>
		<meta property="og:url" content="{url}" />
	<meta property="og:title" content="{title}" />
	<meta property="og:description" content="- {text}" />
	<meta property="og:type" content="video" />
	{video}
	<meta property="og:image" content="{thumbnail}" />
	<script>var wrong = '<meta property="og:video" content="http://127.0.0.1:1/no.mp4" />';</script>
	</head>
	<body class="chaines">
	<!-- <meta itemprop="contentURL" content="http://127.0.0.1:1/no.mp4" /> -->
	<div class="playerTitle"><h2 class="mediaTitle">{title}</h2></div>
	<meta itemprop="name" content="{title}" />
	<meta itemprop="thumbnailUrl" content="{thumbnail}" />
	<meta itemprop="uploadDate" content="2026-10-06CEST21:15:05" />
	{more}
	</body>
</html>
"""
TIMELINE = """<?xml version="1.0"?>
<data id="1" lang="" status="{status}" mediatitle="S&#xE9;ance">
  <files>
    <file title="source" url="serverfiles://nowhere/x.mp4"/>
    <file title="direct" url="rtmp://nowhere/x.mp4"/>
    {files}
  </files>
</data>
"""
TITLE = "2ème séance : l&#039;air &amp; l&apos;eau"


def ffmpeg(*args):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, args)], check=True, stdin=subprocess.DEVNULL)


def make_media(folder, seconds=PORTAL_SECONDS):
    """A tone that comes and goes, much too quiet, with a small picture."""
    folder = pathlib.Path(folder)
    (folder / "vod").mkdir(parents=True)
    (folder / "hls").mkdir()
    sound = ["-f", "lavfi", "-i", f"aevalsrc=0.02*sin(2*PI*440*t)*(0.6+0.4*sin(t)):d={seconds}:s=44100"]
    picture = ["-f", "lavfi", "-i", f"color=blue:size=64x48:rate=5:duration={seconds}"]
    ffmpeg(*sound, "-c:a", "libmp3lame", "-b:a", "128k", folder / "vod/an.mp3")
    ffmpeg(*sound, *picture, "-c:a", "aac", "-b:a", "96k", "-c:v", "mpeg4", "-shortest", folder / "vod/an.mp4")
    ffmpeg(*picture, "-c:v", "mpeg4", folder / "vod/mute.mp4")
    ffmpeg("-i", folder / "vod/an.mp4", "-c", "copy", "-vn", "-f", "hls", "-hls_time", 8, "-hls_playlist_type", "vod",
           folder / "hls/master.m3u8")
    (folder / "vod/only.mp4").write_bytes((folder / "vod/an.mp4").read_bytes())
    return folder


class Portal:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.asked = []
        self.released = threading.Event()
        self.released.set()
        self.held = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.under_way = self.most_under_way = 0
        portal = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                portal.asked.append(f"{self.command} {self.path}")
                try:
                    portal.answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_HEAD = do_GET

        class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        self.server = Threads(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def page(self, name="19502241_6ac548b948b27", slug="seance"):
        return f"{self.url}/video.{name}.{slug}"

    # -- holding --

    def hold(self):
        """From now on files stop half-way; wait_held() returns when one more has."""
        self.released.clear()

    def wait_held(self, seconds=20):
        assert self.held.acquire(timeout=seconds), f"nothing was fetched half-way: {self.asked}"

    def release(self):
        self.released.set()

    # -- answering --

    def answer(self, h):
        path, _, query = h.path.partition("?")
        if not h.headers.get("User-Agent", "").startswith("Mozilla/"):
            return self.say(h, 404, b"")
        for prefix, fn in (("/video.", self.say_page), ("/Datas/an/", self.say_timeline), ("/vod/", self.say_file),
                           ("/hls/", self.say_file)):
            if path.startswith(prefix):
                return fn(h, path)
        if path == "/redirect":
            return self.say(h, 302, b"", Location=urllib.parse.parse_qs(query)["to"][0])
        if path == "/loop":
            return self.say(h, 302, b"", Location="/loop")
        if path.startswith("/status/"):
            return self.say(h, int(path[8:]), b"no")
        if path == "/other/page.html":
            return self.say(h, 200, b'<html><body><video src="/vod/an.mp4"></video></body></html>', ".html")
        if path == "/html.mp4":
            return self.say(h, 200, b"<html><body>Sorry</body></html>", ".html")
        if path == "/text.mp4":
            return self.say(h, 200, b"This is not a film. " * 5000, ".mp4")
        if path == "/playlist.mp4":  # a film that tells its reader what else to read
            return self.say(h, 200, f"#EXTM3U\n#EXTINF:10,\n{self.url}/vod/an.mp3\n#EXTINF:10,\n"
                                    "file:///etc/passwd\n#EXT-X-ENDLIST\n".encode(), ".mp4")
        if path == "/concat.mp4":
            return self.say(h, 200, f"ffconcat version 1.0\nfile '{self.folder}/vod/an.mp3'\n".encode(), ".mp4")
        if path == "/empty.mp3":
            return self.say(h, 200, b"", ".mp3")
        if path in ("/endless.mp3", "/huge.mp4", "/silent.mp3", "/cut.mp3"):
            return self.misbehave(h, path)
        return self.say(h, 404, b"not here")

    def say(self, h, status, body, ending="", **headers):
        h.send_response(status)
        for name, value in headers.items():
            h.send_header(name, value)
        if ending:
            h.send_header("Content-Type", TYPES[ending])
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        if h.command != "HEAD":
            h.wfile.write(body)

    def say_page(self, h, path):
        name = path[len("/video."):].split(".")[0]
        what = name.partition("-")[2]
        video = {"": "/vod/an.mp4", "only": "/vod/only.mp4", "mute": "/vod/mute.mp4", "gone": "/vod/gone.mp4",
                 "text": "/text.mp4"}.get(what)
        more = f"<script>player('{self.url}/hls/master.m3u8')</script>" if what == "hls" else ""
        tag = f'<meta property="og:video" content="{self.url}{video}" />\n<meta itemprop="contentURL" content="{self.url}{video}" />'
        self.say(h, 200, PAGE.format(title=TITLE, text="Discussion &lt;suite&gt;", url=self.url + path, more=more,
                                     thumbnail=f"{self.url}/Datas/an/{name}/files/x.jpg",
                                     video=tag if video else "").encode(), ".html")

    def say_timeline(self, h, path):
        name = path.split("/")[3]
        if not path.endswith("/content/data.nvs") or name.startswith("00"):
            return self.say(h, 404, b"")
        files = f'<file title="source" url="{self.url}/vod/an.mp4"/><file title="audio" url="{self.url}/vod/an.mp3"/>'
        status = "live" if name.startswith("11") else "vod"
        return self.say(h, 200, TIMELINE.format(status=status, files=files).encode())

    def say_file(self, h, path):
        file = self.folder / path[1:]
        if ".." in path or not file.is_file():
            return self.say(h, 404, b"")
        body = file.read_bytes()
        if h.command == "HEAD" or self.released.is_set() or file.suffix not in (".mp3", ".mp4"):
            return self.say(h, 200, body, file.suffix)
        with self.lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            h.send_response(200)
            h.send_header("Content-Type", TYPES[file.suffix])
            h.send_header("Content-Length", str(len(body)))
            h.end_headers()
            h.wfile.write(body[:len(body) // 2])
            h.wfile.flush()
            self.held.release()
            while not self.released.wait(0.1):
                h.connection.settimeout(0.01)
                try:
                    if not h.connection.recv(1):
                        raise BrokenPipeError
                except TimeoutError:
                    pass
            h.connection.settimeout(None)
            h.wfile.write(body[len(body) // 2:])
        finally:
            with self.lock:
                self.under_way -= 1

    def misbehave(self, h, path):
        h.send_response(200)
        h.send_header("Content-Type", TYPES[pathlib.Path(path).suffix])
        if path == "/huge.mp4":
            h.send_header("Content-Length", str(10 * 1024**3))
        if path == "/cut.mp3":
            h.send_header("Content-Length", "100000")
        h.send_header("Connection", "close")
        h.close_connection = True
        h.end_headers()
        if path == "/cut.mp3":
            h.wfile.write((self.folder / "vod/an.mp3").read_bytes()[:50000])
        while path in ("/endless.mp3", "/huge.mp4"):
            h.wfile.write(b"\xff\xfb\x90\x00" + bytes(413))
        if path == "/silent.mp3":
            h.connection.settimeout(30)
            h.connection.recv(1)
