"""One libtorrent peer of `sim_vs_net --peers libtorrent`: seeds or fetches one torrent until it is
interrupted. Prints the same events as `unchoke --json`: that it listens, that it is complete, and at
the end its bytes by cause.
"""

import argparse
import json
import signal
import time

import libtorrent as lt

# Bytes of each message on the wire, without parts of variable length: BEP 3 and BEP 6.
FIXED = {
    "choke": {"choke": 5, "unchoke": 5},
    "interest": {"interested": 5, "not_interested": 5},
    "have": {"have": 9},
    "request": {"request": 17},
    "piece_header": {"piece": 13},
    "cancel": {"cancel": 17},
    "reject": {"reject": 17},
}
# Our names, and libtorrent's reasons: https://libtorrent.org/manual-ref.html#session-statistics
WASTE = {
    "endgame": ["end_game", "cancelled"],
    "timeout": ["timed_out"],
    "after_choke": ["closing"],
    "unrequested": ["unknown", "seed"],
}


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["seed", "download"])
    parser.add_argument("torrent")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--listen", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--peer", action="append", default=[], metavar="ADDRESS:PORT")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=NUMBER")
    parser.add_argument("--pex", action="store_true")
    parser.add_argument("--leave", action="store_true", help="end as soon as everything is there")
    return parser.parse_args()


def say(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


def start_session(arguments):
    category = lt.alert.category_t
    settings = {
        "listen_interfaces": arguments.listen,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "in_enc_policy": int(lt.enc_policy.disabled),
        "out_enc_policy": int(lt.enc_policy.disabled),
        "listen_queue_size": 64,
        "alert_mask": category.status_notification | category.error_notification
        | category.stats_notification,
    }
    for setting in arguments.setting:
        name, value = setting.split("=")
        settings[name] = int(value)
    session = lt.session(settings)
    # libtorrent puts private addresses into a class that is never choked. Here, all addresses are private.
    everybody = lt.ip_filter()
    everybody.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
    session.set_peer_class_filter(everybody)
    return session


def add_torrent(session, arguments):
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(arguments.torrent)
    parameters.save_path = arguments.folder
    flags = lt.torrent_flags
    parameters.flags &= ~(flags.auto_managed | flags.paused)
    if not arguments.pex:
        parameters.flags |= flags.disable_pex
    if arguments.mode == "seed":
        parameters.flags |= flags.seed_mode
    return session.add_torrent(parameters)


def counters(session):
    """The counters of the session; libtorrent needs a moment to report them."""
    session.post_session_stats()
    while True:
        session.wait_for_alert(200)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.session_stats_alert):
                return dict(alert.values)


def protocol(values, way, pieces):
    """Bytes by kind of message, computed from numbers of messages. The rest are extensions."""
    count = lambda name: values.get(f"ses.num_{way}_{name}", 0)
    kinds = {
        kind: sum(count(name) * size for name, size in names.items())
        for kind, names in FIXED.items()
    }
    kinds["bitfield"] = count("bitfield") * (5 + (pieces + 7) // 8)
    kinds["bitfield"] += (count("have_all") + count("have_none")) * 5
    # libtorrent does not count handshakes and keep-alives, so both are part of the rest.
    kinds["handshake"], kinds["keep_alive"] = 0, 0
    short = "sent" if way == "outgoing" else "recv"
    total = values[f"net.{short}_bytes"] - values[f"net.{short}_payload_bytes"]
    kinds["extension"] = max(0, total - sum(kinds.values()))
    return kinds


def ledger(session, pieces):
    values = counters(session)
    wasted = {
        cause: sum(values.get(f"ses.waste_piece_{it}", 0) for it in reasons)
        for cause, reasons in WASTE.items()
    }
    wasted["hash_failure"] = values["net.recv_failed_bytes"]
    redundant = values["net.recv_redundant_bytes"] + values["net.recv_failed_bytes"]
    return {
        "payload_useful_bytes": values["net.recv_payload_bytes"] - redundant,
        "payload_sent_bytes": values["net.sent_payload_bytes"],
        "payload_wasted_bytes": wasted,
        "protocol_sent_by_message_bytes": protocol(values, "outgoing", pieces),
        "protocol_received_by_message_bytes": protocol(values, "incoming", pieces),
    }


def main():
    stops = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stops.append(True))
    arguments = read_arguments()
    session = start_session(arguments)
    torrent = add_torrent(session, arguments)
    pieces = torrent.torrent_file().num_pieces()
    ready = (lt.torrent_status.downloading, lt.torrent_status.seeding, lt.torrent_status.finished)
    while torrent.status().state not in ready or session.listen_port() == 0:
        time.sleep(0.01)
    start = time.monotonic()
    say("listening")
    for peer in arguments.peer:
        address, port = peer.rsplit(":", 1)
        torrent.connect_peer((address, int(port)))
    complete = arguments.mode == "seed"
    while not stops:
        session.wait_for_alert(50)
        finished = any(isinstance(it, lt.torrent_finished_alert) for it in session.pop_alerts())
        if finished and not complete:
            complete = True
            say("completed", seconds=time.monotonic() - start)
            if arguments.leave:
                break
    say("end", ledger=ledger(session, pieces))


main()
