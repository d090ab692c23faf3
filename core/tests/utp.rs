//! uTP between two ends in memory, over links that lose, duplicate, delay and reorder packets.

use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_core::utp::{Connection, End, Kind, Packet, reset};

/// A link in one direction.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Lost packets of a thousand.
    lost: u64,
    doubled: u64,
    delay: Duration,
    jitter: Duration,
    /// Bytes per second. Packets queue for their turn.
    rate: Option<u64>,
}

const PERFECT: Line = Line {
    lost: 0,
    doubled: 0,
    delay: Duration::from_millis(20),
    jitter: Duration::ZERO,
    rate: None,
};

struct World {
    now: Instant,
    line: Line,
    rng: Rng,
    ends: [Option<Connection>; 2],
    /// Packets on their way: time of arrival, receiver, bytes.
    letters: Vec<(Instant, usize, Vec<u8>)>,
    /// When the link to each end is free again.
    free_at: [Instant; 2],
    to_send: [Vec<u8>; 2],
    received: [Vec<u8>; 2],
    sent: usize,
    longest_queue: Duration,
}

impl World {
    fn new(seed: u64, line: Line, to_send: [Vec<u8>; 2]) -> Self {
        let now = Instant::from_secs(1);
        // Sequence numbers that soon wrap around.
        let first = Connection::dial(now, 65_535, 65_530);
        Self {
            now,
            line,
            rng: Streams::new(seed).stream(Purpose::Delay, 0),
            ends: [Some(first), None],
            letters: Vec::new(),
            free_at: [now; 2],
            to_send,
            received: [Vec::new(), Vec::new()],
            sent: 0,
            longest_queue: Duration::ZERO,
        }
    }

    fn post(&mut self, to: usize, bytes: &[u8]) {
        self.sent += 1;
        let mut leaves = self.now;
        if let Some(rate) = self.line.rate {
            leaves = self.now.max(self.free_at[to]);
            let takes = bytes.len() as u64 * 1_000_000_000 / rate;
            leaves = leaves.after(Duration::from_nanos(takes));
            self.free_at[to] = leaves;
            // Measure only after the connection has settled.
            if self.now > Instant::from_secs(20) {
                self.longest_queue = self.longest_queue.max(leaves - self.now);
            }
        }
        let copies = 1 + u64::from(self.rng.chance(self.line.doubled, 1000));
        for _ in 0..copies {
            if self.rng.chance(self.line.lost, 1000) {
                continue;
            }
            let jitter = u64::try_from(self.line.jitter.as_nanos()).expect("short");
            let more = Duration::from_nanos(self.rng.below(jitter.max(1)));
            let at = leaves.after(self.line.delay).after(more);
            self.letters.push((at, to, bytes.to_vec()));
        }
    }

    fn pump(&mut self, end: usize) {
        let now = self.now;
        let Some(connection) = &mut self.ends[end] else {
            return;
        };
        if connection.is_open() {
            let taken = connection.write(&self.to_send[end]);
            self.to_send[end].drain(..taken);
            if self.to_send[end].is_empty() {
                connection.close();
            }
        }
        self.received[end].extend(connection.read(usize::MAX));
        let mut out = Vec::new();
        while let Some(bytes) = connection.poll_transmit(now) {
            out.push(bytes);
        }
        for bytes in out {
            self.post(1 - end, &bytes);
        }
    }

    fn deliver(&mut self, to: usize, bytes: &[u8]) {
        let packet = Packet::decode(bytes).expect("our own");
        if self.ends[to].is_none() && packet.kind == Kind::Syn {
            self.ends[to] = Some(Connection::accept(self.now, &packet, 65_000));
        } else if let Some(connection) = &mut self.ends[to] {
            connection.handle_packet(self.now, &packet);
        }
        self.pump(to);
    }

    /// Runs until both ends have ended, at most for `time`.
    fn run(&mut self, time: Duration) {
        let end = self.now.after(time);
        self.pump(0);
        while self.now < end {
            let letter = self.letters.iter().map(|it| it.0).min();
            let timers = self.ends.iter().flatten().map(Connection::poll_timeout);
            let next = timers.chain(letter).min().unwrap_or(Instant::NEVER);
            if next == Instant::NEVER {
                return;
            }
            self.now = self.now.max(next);
            if letter.is_some_and(|at| at <= self.now) {
                let place = self.letters.iter().position(|it| Some(it.0) == letter);
                let (_, to, bytes) = self.letters.remove(place.expect("just seen"));
                self.deliver(to, &bytes);
            } else {
                for end in 0..2 {
                    if let Some(connection) = &mut self.ends[end] {
                        connection.handle_timeout(self.now);
                    }
                    self.pump(end);
                }
            }
        }
    }
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let step = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(step).take(length).collect()
}

fn carried(seed: u64, line: Line, lengths: [usize; 2]) -> World {
    let sent = [noise(lengths[0], 1), noise(lengths[1], 2)];
    let mut world = World::new(seed, line, sent.clone());
    world.run(Duration::from_mins(30));
    for (end, sent) in sent.iter().enumerate() {
        assert!(world.received[1 - end] == *sent, "{line:?}, from {end}");
    }
    world
}

#[test]
fn everything_arrives_over_a_perfect_line_and_both_ends_close() {
    let world = carried(1, PERFECT, [3_000_000, 100_000]);
    for end in &world.ends {
        assert_eq!(
            end.as_ref().expect("it was there").ended(),
            Some(End::Closed)
        );
    }
    // Data, and an acknowledgement of about every second packet; nothing is sent twice.
    assert!(world.sent < 5000, "{} packets", world.sent);
    assert!(world.now < Instant::from_secs(15), "{:?}", world.now);
}

/// LEDBAT: a sender that fills a link keeps its queue at 100 ms, not at seconds.
#[test]
fn a_full_line_is_used_and_its_queue_stays_short() {
    let line = Line {
        rate: Some(500_000),
        ..PERFECT
    };
    let world = carried(1, line, [20_000_000, 0]);
    let took = world.now - Instant::from_secs(1);
    assert!(
        took < Duration::from_mins(1),
        "{took:?}, but the link needs only 41 s"
    );
    assert!(
        world.longest_queue < Duration::from_millis(180),
        "{:?}",
        world.longest_queue
    );
}

#[test]
fn nobody_there_is_found_out_and_a_stranger_is_refused() {
    let line = Line {
        lost: 1000,
        ..PERFECT
    };
    let mut world = World::new(1, line, [Vec::new(), Vec::new()]);
    world.run(Duration::from_mins(1));
    assert_eq!(
        world.ends[0].as_ref().expect("it").ended(),
        Some(End::Silent)
    );
    assert!(world.sent <= 5, "{} packets without an answer", world.sent);
    // The other end disappears in the middle.
    let mut world = World::new(1, PERFECT, [noise(5_000_000, 1), Vec::new()]);
    world.run(Duration::from_millis(200));
    world.ends[1] = None;
    world.run(Duration::from_mins(20));
    assert_eq!(
        world.ends[0].as_ref().expect("it").ended(),
        Some(End::Silent)
    );

    let now = Instant::from_secs(1);
    let mut connection = Connection::dial(now, 7, 1);
    let syn = connection.poll_transmit(now).expect("a SYN");
    let syn = Packet::decode(&syn).expect("our own");
    assert_eq!(reset(now, &syn, 0), None, "a SYN is no stranger");
    let state = Packet {
        kind: Kind::State,
        ..syn.clone()
    };
    let refusal = reset(now, &state, 0).expect("a reset");
    let refusal = Packet::decode(&refusal).expect("our own");
    assert_eq!((refusal.kind, refusal.id), (Kind::Reset, syn.id));
    assert_eq!(reset(now, &refusal, 0), None, "a reset gets no answer");
    connection.handle_packet(now, &refusal);
    assert_eq!(connection.ended(), Some(End::Reset));
}

/// BEP 29, and observations of deployed clients.
#[test]
fn the_first_packets_have_the_numbers_that_others_expect() {
    let now = Instant::from_secs(1);
    let mut first = Connection::dial(now, 100, 1);
    let syn = first.poll_transmit(now).expect("a SYN");
    let syn = Packet::decode(&syn).expect("our own");
    assert_eq!((syn.kind, syn.id, syn.seq), (Kind::Syn, 100, 1));
    let mut second = Connection::accept(now, &syn, 500);
    assert_eq!(second.receive_id(), 101);
    let state = second.poll_transmit(now).expect("an answer");
    let state = Packet::decode(&state).expect("our own");
    assert_eq!(
        (state.kind, state.id, state.seq, state.ack),
        (Kind::State, 100, 500, 1)
    );
    first.handle_packet(now, &state);
    assert!(first.is_open());
    // The first data packet has the sequence number of the answer to the SYN, even after a repeated
    // SYN.
    assert_eq!(second.write(b"hello"), 5);
    let data = second.poll_transmit(now).expect("data");
    second.handle_packet(now, &syn);
    let again = second.poll_transmit(now).expect("an answer");
    assert_eq!(Packet::decode(&again).expect("our own").seq, 500);
    let data = Packet::decode(&data).expect("our own");
    assert_eq!((data.kind, data.seq), (Kind::Data, 500));
    first.handle_packet(now, &data);
    assert_eq!(first.read(100), b"hello");
    assert_eq!(first.write(b"hi"), 2);
    let answer = first.poll_transmit(now).expect("data with the answer");
    let answer = Packet::decode(&answer).expect("our own");
    assert_eq!((answer.id, answer.seq, answer.ack), (101, 2, 500));
    assert_eq!(first.poll_transmit(now), None);
}

/// What is written after a packet was made goes in another packet, also if both leave late.
#[test]
fn bytes_written_apart_go_in_packets_of_their_own() {
    let now = Instant::from_secs(1);
    let mut first = Connection::dial(now, 100, 1);
    let syn = first.poll_transmit(now).expect("a SYN");
    let mut second = Connection::accept(now, &Packet::decode(&syn).expect("our own"), 500);
    let payload = |bytes: Vec<u8>| Packet::decode(&bytes).expect("our own").payload.to_vec();
    assert_eq!(second.poll_transmit(now).map(payload), Some(Vec::new()));
    assert!(second.is_packed(), "nothing was written");
    second.write(b"one");
    assert!(
        !second.is_packed(),
        "more bytes would go in the same packet"
    );
    assert_eq!(
        second.poll_transmit(now).map(payload),
        Some(b"one".to_vec())
    );
    assert!(second.is_packed());
    second.write(b"two");
    second.write(b"three");
    let last = second.poll_transmit(now).map(payload);
    assert_eq!(last, Some(b"twothree".to_vec()));
}

#[test]
fn selective_answers_are_those_of_the_example() {
    // Packets up to 100 arrived in order, then 102, 103 and 110.
    let now = Instant::from_secs(1);
    let packet = |kind, seq, payload| Packet {
        kind,
        id: 9,
        sent_at: 0,
        delay: 0,
        window: 10_000,
        seq,
        ack: 0,
        selective: Vec::new(),
        payload,
    };
    let mut end = Connection::accept(now, &packet(Kind::Syn, 100, &[]), 1);
    while end.poll_transmit(now).is_some() {}
    for seq in [102, 103, 110] {
        end.handle_packet(now, &packet(Kind::Data, seq, b"x"));
    }
    let answer = end.poll_transmit(now).expect("an answer");
    assert_eq!(answer[20..26], [0, 4, 0x03, 0x01, 0, 0]);
    let read = Packet::decode(&answer).expect("our own");
    assert_eq!((read.ack, read.selective), (100, vec![3, 1, 0, 0]));
    assert!(end.read(10).is_empty());
}

/// HAZARDS: whoever floods a connection that is not read fills its window, a megabyte, and no more;
/// and what comes out of order counts as well.
#[test]
fn a_flood_fills_the_window_and_no_more() {
    let now = Instant::from_secs(1);
    for step in [1, 2] {
        let packet = |kind, seq, payload| Packet {
            kind,
            id: 9,
            sent_at: 0,
            delay: 0,
            window: 10_000,
            seq,
            ack: 0,
            selective: Vec::new(),
            payload,
        };
        let mut end = Connection::accept(now, &packet(Kind::Syn, 0, &[]), 1);
        let mut room = u32::MAX;
        for seq in 1..=3000 {
            end.handle_packet(now, &packet(Kind::Data, seq * step, &[7; 1360]));
            while let Some(answer) = end.poll_transmit(now) {
                room = Packet::decode(&answer).expect("our own").window;
            }
        }
        let kept = end.read(usize::MAX).len();
        assert!(kept <= 1 << 20, "{kept} bytes");
        if step == 1 {
            assert!(room < 1360 && kept > 1_000_000, "{room} left, {kept} bytes");
        } else {
            assert!(
                kept == 0 && room > 1 << 18,
                "few are kept out of order: {room}"
            );
        }
    }
}

/// HAZARDS: answers to what was never sent open no window, and neither does an endless one.
#[test]
fn answers_to_nothing_change_nothing() {
    let now = Instant::from_secs(1);
    let mut end = Connection::dial(now, 1, 100);
    while end.poll_transmit(now).is_some() {}
    let answer = |ack, window| Packet {
        kind: Kind::State,
        id: 1,
        sent_at: 0,
        delay: 0,
        window,
        seq: 1,
        ack,
        selective: vec![0xff; 200],
        payload: &[],
    };
    end.handle_packet(now, &answer(100, u32::MAX));
    assert!(end.is_open());
    while end.room() > 0 {
        end.write(&[7; 4096]);
    }
    let burst = |end: &mut Connection| std::iter::from_fn(|| end.poll_transmit(now)).count();
    let first = burst(&mut end);
    assert!((1..=4).contains(&first), "{first} packets at first");
    for ack in [5000, 40_000] {
        end.handle_packet(now, &answer(ack, u32::MAX));
        assert_eq!(burst(&mut end), 0, "{ack}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn everything_arrives_over_bad_lines(
        seed in any::<u64>(),
        lost in 0..60_u64,
        doubled in 0..100_u64,
        delay in 1..200_u64,
        jitter in 0..100_u64,
        slow in any::<bool>(),
        lengths in [0..60_000_usize, 0..60_000],
    ) {
        let line = Line {
            lost,
            doubled,
            delay: Duration::from_millis(delay),
            jitter: Duration::from_millis(jitter),
            rate: slow.then_some(100_000),
        };
        let sent = [noise(lengths[0], 1), noise(lengths[1], 2)];
        let mut world = World::new(seed, line, sent.clone());
        world.run(Duration::from_mins(30));
        let never = world.ends[0].as_ref().is_some_and(|it| !it.is_open());
        prop_assume!(!never);
        for (end, sent) in sent.iter().enumerate() {
            prop_assert!(world.received[1 - end] == *sent, "from {end}");
        }
    }

    #[test]
    fn no_packet_breaks_a_connection(
        packets in prop::collection::vec(
            (0..5_u8, any::<u16>(), any::<u16>(), any::<u32>(),
             prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..40)),
            0..80,
        ),
    ) {
        let mut now = Instant::from_secs(1);
        let mut end = Connection::dial(now, 1, 1);
        while end.poll_transmit(now).is_some() {}
        for (kind, seq, ack, number, selective, payload) in packets {
            let kind = [Kind::Data, Kind::Fin, Kind::State, Kind::Data, Kind::Syn][usize::from(kind)];
            let near = |it: u16| it % 40;
            now = now.after(Duration::from_millis(number.into()));
            let packet = Packet {
                kind, id: 2, sent_at: number, delay: number, window: number % 5000,
                seq: near(seq), ack: near(ack), selective, payload: &payload,
            };
            end.handle_packet(now, &packet);
            end.handle_timeout(now);
            let _ = end.write(&payload);
            let sent = std::iter::from_fn(|| end.poll_transmit(now)).take(2000).count();
            prop_assert!(sent < 2000);
            let _ = end.read(3);
        }
    }

    #[test]
    fn no_datagram_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(packet) = Packet::decode(&bytes) {
            let again = packet.encode();
            prop_assert_eq!(Packet::decode(&again).expect("our own").payload, packet.payload);
        }
    }
}
