"""``python -m dragonctl`` is ``dragonctl``."""

from dragonctl.main import main

if __name__ == "__main__":
    main()
