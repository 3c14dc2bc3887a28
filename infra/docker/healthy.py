"""Health check of a part's URL, with only the standard library: it runs every few seconds."""

import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_SECONDS = 4


def main() -> int:
    """Return 0 when the URL answers with 2xx; else return 1 and print the reason."""
    url = urlsplit(sys.argv[1])
    connection = HTTPConnection(url.hostname or "127.0.0.1", url.port, timeout=_SECONDS)
    try:
        connection.request("GET", url.path)
        answer = connection.getresponse()
        body = answer.read(500).decode(errors="replace")
    except (OSError, HTTPException) as error:
        sys.stdout.write(f"{sys.argv[1]}: {error or type(error).__name__}\n")
        return 1
    if answer.status // 100 == 2:  # noqa: PLR2004  # the class of success
        return 0
    sys.stdout.write(f"{sys.argv[1]}: {answer.status} {body}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
