"""The live page: a server for one person on this machine, and what it shows. `koubai serve` opens it."""
