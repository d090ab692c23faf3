"""Makes a torrent of a folder in each version that libtorrent supports, and reads other torrents.

Arguments: the folder, the piece length in bytes, and .torrent files to read. Prints a line for each
version with the SHA-256 of the info dictionary, and a line for each file with its info-hashes of
versions 1 and 2.
"""

import hashlib
import os
import sys

import libtorrent as lt

folder, piece_bytes, *files = sys.argv[1:]
for name, flags in [("v2", lt.create_torrent.v2_only), ("hybrid", 0)]:
    storage = lt.file_storage()
    lt.add_files(storage, folder)
    made = lt.create_torrent(storage, int(piece_bytes), flags)
    lt.set_piece_hashes(made, os.path.dirname(folder))
    info = lt.bencode(made.generate()[b"info"])
    print(name, hashlib.sha256(info).hexdigest())
for file in files:
    hashes = lt.torrent_info(file).info_hashes()
    print("read", hashes.v1 if hashes.has_v1() else "-", hashes.v2 if hashes.has_v2() else "-")
