"""Files made by the tests of sylion's knowledge, each as small as it can be and still be one."""

import hashlib
import io
import struct
import zipfile

PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def rc4(key, data):
    box, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def encryption(password):
    """The security handler of PDF 1.4 §3.5 (V 1, R 2): its dictionary."""
    user, owner = (password.encode() + PAD)[:32], (b"owner" + PAD)[:32]
    o = rc4(hashlib.md5(owner).digest()[:5], user)
    key = hashlib.md5(user + o + struct.pack("<i", -4) + b"0123456789abcdef").digest()[:5]
    return f"<< /Filter /Standard /V 1 /R 2 /P -4 /O <{o.hex()}> /U <{rc4(key, PAD).hex()}> >>".encode()


def pdf(*pages, password=None):
    """A PDF: a page for each text (lines); None: a page with a drawing only."""
    bodies, kids = [], []
    for text in pages:
        if text is None:
            drawing = b"0.5 g 50 50 300 300 re f"
        else:
            lines = " T* ".join(f"({line}) Tj" for line in text.split("\n"))
            drawing = f"BT /F 12 Tf 14 TL 50 700 Td {lines} ET".encode("latin-1")
        number = 4 + len(bodies)
        kids.append(f"{number} 0 R")
        bodies.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {number + 1} 0 R "
                      "/Resources << /Font << /F 3 0 R >> >> >>".encode())
        bodies.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
               f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(pages)} >>".encode(),
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"] + bodies
    trailer = b""
    if password is not None:
        objects.append(encryption(password))
        trailer = b" /Encrypt %d 0 R /ID [<%s> <%s>]" % (len(objects), *[b"0123456789abcdef".hex().encode()] * 2)
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for i, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (i, body))
    begin = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for place in places:
        out.write(b"%010d 00000 n \n" % place)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, begin))
    return out.getvalue()


def zipped(**members):
    """A zip of these (a/b written a__b, x.y written x_dot_y)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), text)
    return out.getvalue()


def docx(*paragraphs, head=""):
    body = "".join(f'<w:p>{"<w:pPr><w:pStyle w:val=%sHeading1%s/></w:pPr>" % (chr(34), chr(34)) if p.startswith("# ") else ""}'
                   f'<w:r><w:t xml:space="preserve">{p.removeprefix("# ")}</w:t></w:r></w:p>' for p in paragraphs)
    return zipped(**{"[Content_Types]_dot_xml": "<Types/>", "word__document_dot_xml":
                     f'<?xml version="1.0"?>{head}<w:document xmlns:w="http://schemas.openxmlformats.org/'
                     f'wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>'})


def odt(*paragraphs):
    body = "".join(f'<text:h text:outline-level="1">{p[2:]}</text:h>' if p.startswith("# ")
                   else f"<text:p>{p}</text:p>" for p in paragraphs)
    return zipped(mimetype="application/vnd.oasis.opendocument.text", content_dot_xml=f'<?xml version="1.0"?>'
                  f'<office:document-content xmlns:office="o" xmlns:text="t"><office:body>{body}'
                  "</office:body></office:document-content>")


def bomb():
    """A document of 100 KB that would be 60 MB."""
    return docx("x" * (60 << 20))
