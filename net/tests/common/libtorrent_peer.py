"""A libtorrent peer: seeds or downloads one torrent, prints a message and waits to be stopped.

Arguments: seed|fetch, torrent file or magnet link, folder, address, port, plain|encrypted, and
optional sources of peers besides trackers: lsd, or dht=HOST:PORT with a bootstrap node; or utp, to
use uTP only.
"""

import sys
import time

import libtorrent as lt

mode, torrent, folder, address, port, encryption, *finders = sys.argv[1:]
nodes = [it.removeprefix("dht=") for it in finders if it.startswith("dht=")]
forced, rc4 = 0, 2
encrypted = {
    "in_enc_policy": forced,
    "out_enc_policy": forced,
    "allowed_enc_level": rc4,
}
session = lt.session({
    **(encrypted if encryption == "encrypted" else {}),
    "listen_interfaces": f"{address}:{port}",
    "enable_dht": bool(nodes),
    "dht_bootstrap_nodes": ",".join(nodes),
    # By default it searches a torrent once in 15 minutes. The first search may come before the table
    # or the torrent is known to the nodes.
    "dht_announce_interval": 10,
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "enable_lsd": "lsd" in finders,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": "utp" in finders,
    "enable_outgoing_utp": "utp" in finders,
    "enable_incoming_tcp": "utp" not in finders,
    "enable_outgoing_tcp": "utp" not in finders,
    "allow_multiple_connections_per_ip": True,
    "alert_mask": lt.alert.category_t.error_notification
    | lt.alert.category_t.tracker_notification
    | lt.alert.category_t.peer_notification
    | lt.alert.category_t.storage_notification,
})
if torrent.startswith("magnet:"):
    parameters = lt.parse_magnet_uri(torrent)
else:
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(torrent)
parameters.save_path = folder
handle = session.add_torrent(parameters)
said = False
while True:
    for alert in session.pop_alerts():
        print(alert.message(), file=sys.stderr, flush=True)
    if handle.status().is_seeding and not said:
        # "is seeding" comes before the data is on disk.
        handle.flush_cache()
        said = True
        time.sleep(1)
        print(f"{mode}: complete", flush=True)
    time.sleep(0.1)
