"""What was said in a debate, and its audio, written as the database's operator would: for tests of what
reads them (search, feeds, alerts) without the importers."""

import sqlite3
import subprocess
import time


def quoted(value):
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def now_sql(server):
    return "now()" if server.database else str(time.time_ns() // 1000)


def say(server, debate, *speeches, transcript=True):
    """speeches: (speaker, text, start_ms or None[, speaker_id]). They replace what was said before, and the
    debate is stamped, as whoever imports a transcript does."""
    yes = "false" if server.database else "0"
    key = f"(SELECT n FROM debates WHERE id = '{debate}')"
    statements = [
        f"INSERT INTO debates_deleted (n, change_seq, deleted_at) SELECT n, (SELECT value + 1 FROM change_sequence), "
        f"{now_sql(server)} FROM speeches WHERE debate_n = {key}",
        f"DELETE FROM speeches WHERE debate_n = {key}"]
    for position, (speaker, text, start, *rest) in enumerate(speeches):
        source = "NULL" if start is None else "'transcript'"
        statements.append(
            "INSERT INTO speeches (n, debate_n, position, kind, speaker_id, speaker, presiding, text, start_ms, "
            f"time_source) SELECT value + {position + 2}, {key}, {position}, 'speech', {quoted(rest[0] if rest else None)}, "
            f"{quoted(speaker)}, {yes}, {quoted(text)}, {'NULL' if start is None else start}, {source} "
            "FROM change_sequence")
    statements.append(f"UPDATE change_sequence SET value = value + {len(speeches) + 3}")
    statements.append(f"UPDATE debates SET change_seq = (SELECT value FROM change_sequence) WHERE id = '{debate}'")
    if transcript:
        statements.append(
            "INSERT INTO transcripts (debate_n, uid, speeches, content_hash, imported_at, change_seq) "
            f"SELECT {key}, 'CR{debate}', {len(speeches)}, 'x', {now_sql(server)}, value FROM change_sequence WHERE true "
            "ON CONFLICT (debate_n) DO UPDATE SET change_seq = excluded.change_seq, speeches = excluded.speeches")
    run(server, statements)


def give_audio(server, debate, size=1234567, seconds=3600, audio_format="mp3"):
    """The debate has audio from now on (no bytes of it)."""
    yes = "true" if server.database else "1"
    run(server, [
        "INSERT INTO audio_files (id, debate_n, filename, format, quality, file_size, duration_ms, blob, "
        "extraction_status, extraction_completed_at, created_at, updated_at) "
        f"SELECT 'audio-' || n, n, 'a.{audio_format}', '{audio_format}', '128k', {size}, {seconds * 1000}, 'none', 'completed', "
        f"{now_sql(server)}, {now_sql(server)}, {now_sql(server)} FROM debates WHERE id = '{debate}'",
        "UPDATE change_sequence SET value = value + 1",
        f"UPDATE debates SET has_audio = {yes}, change_seq = (SELECT value FROM change_sequence), "
        f"updated_at = {now_sql(server)} WHERE id = '{debate}'"])


def run(server, statements):
    """All of them in one transaction."""
    if server.database:
        done = subprocess.run(["psql", "-XqAt1", "-v", "ON_ERROR_STOP=1", server.database], capture_output=True,
                              text=True, input=";\n".join(statements), timeout=60)
        assert done.returncode == 0, done.stderr
    else:
        db = sqlite3.connect(server.folder / "socle.db", timeout=20, isolation_level=None)
        try:
            db.execute("BEGIN IMMEDIATE")
            for statement in statements:
                db.execute(statement)
            db.execute("COMMIT")
        finally:
            db.close()
