//! uTP and TCP on one line: uTP uses what TCP leaves, and no more. BEP 29, *congestion control*:
//! "the connection yields to any TCP traffic".

use std::collections::BTreeMap;
use std::time::Duration;

use unchoke_core::time::Instant;
use unchoke_core::utp::{Connection, Packet};

/// Bytes per second of the line.
const RATE: u64 = 500_000;
/// Longest queue in front of it; packets beyond are lost. More than the 100 ms that uTP aims at.
const QUEUE: Duration = Duration::from_millis(300);
/// From the end of the queue to the other side, and for the way back.
const DELAY: Duration = Duration::from_millis(20);
const SEGMENT: u64 = 1460;

enum Event {
    /// A packet of uTP arrives at the receiver or, with its answer, at the sender.
    Utp(usize, Vec<u8>),
    /// The answer to a segment of TCP, or the news that it was lost.
    Tcp { lost: bool },
}

/// TCP as in RFC 5681, without its details: slow start, then one more segment each round trip, and
/// half the window when segments are lost.
#[derive(Default)]
struct Tcp {
    on: bool,
    /// In thousandths of a segment.
    window: u64,
    threshold: u64,
    under_way: u64,
    halved_at: Instant,
    arrived: u64,
}

struct Line {
    now: Instant,
    free_at: Instant,
    events: BTreeMap<(Instant, u64), Event>,
    serial: u64,
    ends: [Connection; 2],
    received: u64,
    tcp: Tcp,
}

impl Line {
    fn new() -> Self {
        let now = Instant::from_secs(1);
        let mut first = Connection::dial(now, 1, 1);
        let syn = first.poll_transmit(now).expect("a SYN");
        let mut second = Connection::accept(now, &Packet::decode(&syn).expect("our own"), 1);
        let answer = second.poll_transmit(now).expect("an answer");
        first.handle_packet(now, &Packet::decode(&answer).expect("our own"));
        Self {
            now,
            free_at: now,
            events: BTreeMap::new(),
            serial: 0,
            ends: [first, second],
            received: 0,
            tcp: Tcp::default(),
        }
    }

    fn plan(&mut self, at: Instant, event: Event) {
        self.serial += 1;
        self.events.insert((at, self.serial), event);
    }

    /// Sends bytes over the line. Returns when they arrive, or `None` if the queue is full.
    fn post(&mut self, bytes: u64) -> Option<Instant> {
        let begins = self.free_at.max(self.now);
        if begins - self.now > QUEUE {
            return None;
        }
        self.free_at = begins.after(Duration::from_nanos(bytes * 1_000_000_000 / RATE));
        Some(self.free_at.after(DELAY))
    }

    fn pump_tcp(&mut self) {
        while self.tcp.on && (self.tcp.under_way + 1) * 1000 <= self.tcp.window {
            self.tcp.under_way += 1;
            match self.post(SEGMENT) {
                Some(at) => self.plan(at.after(DELAY), Event::Tcp { lost: false }),
                // Later segments tell of the loss.
                None => self.plan(self.now.after(QUEUE + 2 * DELAY), Event::Tcp { lost: true }),
            }
        }
    }

    fn pump_utp(&mut self) {
        let room = self.ends[0].room();
        self.ends[0].write(&vec![7; room]);
        self.received += self.ends[1].read(usize::MAX).len() as u64;
        for end in 0..2 {
            while let Some(bytes) = self.ends[end].poll_transmit(self.now) {
                let arrives = match end {
                    // With the headers of IP and UDP.
                    0 => self.post(bytes.len() as u64 + 28),
                    _ => Some(self.now.after(DELAY)),
                };
                if let Some(at) = arrives {
                    self.plan(at, Event::Utp(1 - end, bytes));
                }
            }
        }
    }

    fn on_tcp(&mut self, lost: bool) {
        let tcp = &mut self.tcp;
        tcp.under_way -= 1;
        if !lost {
            tcp.arrived += SEGMENT;
            tcp.window += if tcp.window < tcp.threshold {
                1000
            } else {
                1_000_000 / tcp.window
            };
        } else if self.now - tcp.halved_at > QUEUE + 2 * DELAY {
            tcp.halved_at = self.now;
            tcp.window = (tcp.window / 2).max(2000);
            tcp.threshold = tcp.window;
        }
    }

    /// Runs for `seconds`. Returns the parts of the line, in percent, that uTP and TCP had.
    fn run(&mut self, seconds: u64) -> (u64, u64) {
        let end = self.now.after(Duration::from_secs(seconds));
        let before = (self.received, self.tcp.arrived);
        loop {
            self.pump_utp();
            self.pump_tcp();
            let timer = self.ends.iter().map(Connection::poll_timeout).min();
            let event = self.events.first_key_value().map(|it| it.0.0);
            let next = timer.into_iter().chain(event).min().expect("a timer");
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if let Some(due) = self
                .events
                .first_entry()
                .filter(|it| it.key().0 <= self.now)
            {
                match due.remove() {
                    Event::Tcp { lost } => self.on_tcp(lost),
                    Event::Utp(to, bytes) => {
                        let packet = Packet::decode(&bytes).expect("our own");
                        self.ends[to].handle_packet(self.now, &packet);
                    }
                }
            }
            for end in &mut self.ends {
                end.handle_timeout(self.now);
            }
        }
        self.now = end;
        let percent = |bytes: u64| bytes * 100 / (RATE * seconds);
        (
            percent(self.received - before.0),
            percent(self.tcp.arrived - before.1),
        )
    }

    fn start_tcp(&mut self) {
        self.tcp.on = true;
        (self.tcp.window, self.tcp.threshold) = (10_000, 1_000_000);
    }
}

#[test]
fn utp_leaves_the_line_to_tcp_and_takes_it_back_afterwards() {
    let mut line = Line::new();
    line.run(10);
    let (utp, _) = line.run(20);
    assert!(utp >= 85, "{utp} % alone");
    line.start_tcp();
    line.run(10);
    let (utp, tcp) = line.run(60);
    eprintln!("uTP {utp} %, TCP {tcp} %");
    assert!(tcp >= 80, "{tcp} % for TCP, {utp} % for uTP");
    assert!(utp <= 15, "{utp} % beside TCP");
    assert!(utp > 0, "it yields, but does not stop");
    line.tcp.on = false;
    line.run(20);
    let (utp, _) = line.run(20);
    assert!(utp >= 85, "{utp} % alone again");
}

/// It does not matter who was first.
#[test]
fn utp_that_comes_later_yields_as_well() {
    let mut line = Line::new();
    line.start_tcp();
    line.run(10);
    let (utp, tcp) = line.run(30);
    assert!(tcp >= 80, "{tcp} % for TCP that was first, {utp} % for uTP");
    line.tcp.on = false;
    line.run(20);
    let (utp, _) = line.run(20);
    assert!(utp >= 85, "{utp} % alone");
}
