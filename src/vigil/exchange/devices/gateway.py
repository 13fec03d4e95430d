"""The device gateway: monitors speak MLLP to it, and it answers only what is committed.

In: bytes on a socket of loopback. Out: samples in the session room, raw bytes in the doors' own tables, and
one answer to each message: AA once it is committed, AE with the reason once it is quarantined, none while
the database cannot be reached (the sender sends again, and what waits here is committed when it is back).

It also runs the alarm watch twice a second, and beats once a second while both work. Run it as
`python -m vigil.exchange.devices.gateway`.
"""

import asyncio
import json
import os
import signal
import sys

from vigil.exchange.devices.server import Gateway


def run(*, host: str = "127.0.0.1", port: int | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C. Django must be set up."""
    from django.conf import settings

    from vigil.exchange.devices.keeper import DatabaseKeeper, Watcher
    from vigil.record.clock import now
    from vigil.record.heartbeat import beat

    gateway = Gateway(
        keeper=DatabaseKeeper(),
        clock=now,
        watch_once=Watcher().run_once,
        beat=lambda: beat("gateway"),
    )
    asked = settings.MLLP_PORT if port is None else port
    asyncio.run(_serve_until_told(gateway, host=host, port=asked))
    return 0


async def _serve_until_told(gateway: Gateway, *, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, stop.set)

    def ready(bound: int) -> None:
        print(json.dumps({"gateway": "listening", "host": host, "port": bound}), flush=True)  # noqa: T201

    await gateway.serve(host=host, port=port, stop=stop, ready=ready)


def main() -> int:
    """Set up Django and serve."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
    django.setup()
    return run()


if __name__ == "__main__":
    sys.exit(main())
