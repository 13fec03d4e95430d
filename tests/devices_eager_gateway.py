"""A gateway that is wrong on purpose: it answers AA first and commits a moment later. Only for tests."""

import threading
import time

import django

django.setup()

from vigil.exchange.devices import gateway, keeper  # noqa: E402


class EagerKeeper(keeper.DatabaseKeeper):
    """Answers at once; the commit follows in another thread."""

    def keep(self, taken):
        clinic = self._served_clinic()
        answers = [
            keeper._answer(self._read(clinic, one), keeper.Kept(status="stored")) for one in taken
        ]

        def later():
            time.sleep(0.3)
            keeper.DatabaseKeeper.keep(self, taken)

        threading.Thread(target=later, daemon=True).start()
        return answers


if __name__ == "__main__":
    keeper.DatabaseKeeper = EagerKeeper
    gateway.run()
