"""Makes a torrent of a folder in each version that libtorrent knows, and reads torrents of others.

Arguments: the folder, bytes of a piece, and .torrent files to read. For each version a line says what
the info dictionary comes to by SHA-256; for each file, what its hashes of version 1 and 2 are.
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
