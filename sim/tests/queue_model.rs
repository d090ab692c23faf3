//! Compares the event queue and the alarms with ordered maps.

use std::collections::BTreeMap;

use proptest::prelude::*;
use unchoke_core::time::Instant;
use unchoke_sim::queue::{Alarms, DelayLines};

#[derive(Clone, Debug)]
enum Step {
    Push(u64),
    PushAny(u64),
    Pop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        // More distinct delays than there are lines, so that some share the heap.
        (0..40_u64).prop_map(|it| Step::Push(it * it)),
        (0..2000_u64).prop_map(Step::PushAny),
        Just(Step::Pop),
        Just(Step::Pop),
    ]
}

/// A flash crowd: a long line must give memory back when it becomes short.
#[test]
fn a_line_that_shrinks_loses_nothing() {
    const CROWD: u64 = 40_000;
    let mut queue = DelayLines::new();
    let (mut pushed, mut popped) = (0, 0);
    let mut push = |queue: &mut DelayLines<u64>| {
        queue.push(Instant::from_nanos(pushed), 1_000_000, pushed);
        pushed += 1;
    };
    (0..CROWD).for_each(|_| push(&mut queue));
    while let Some((stamp, event)) = queue.pop() {
        assert_eq!((stamp.at.as_nanos(), event), (popped + 1_000_000, popped));
        popped += 1;
        // Every tenth pop is followed by a push, so that the ring buffer has wrapped when it
        // shrinks.
        if popped <= CROWD && popped.is_multiple_of(10) {
            push(&mut queue);
        }
    }
    assert_eq!(popped, CROWD + CROWD / 10);
}

proptest! {
    #[test]
    fn events_come_in_the_order_of_time_then_schedule(steps in prop::collection::vec(step(), 0..600)) {
        let (mut queue, mut model) = (DelayLines::new(), BTreeMap::new());
        let (mut now, mut count) = (Instant::START, 0_u64);
        for step in steps {
            match step {
                Step::Push(wait) | Step::PushAny(wait) => {
                    let at = Instant::from_nanos(now.as_nanos() + wait);
                    if matches!(step, Step::Push(_)) {
                        queue.push(now, wait, count);
                    } else {
                        queue.push_any(at, count);
                    }
                    model.insert((at, count), count);
                    count += 1;
                }
                Step::Pop => {
                    let got = queue.pop().map(|(stamp, event)| ((stamp.at, stamp.sequence), event));
                    prop_assert_eq!(got, model.pop_first());
                    now = got.map_or(now, |it| it.0.0);
                }
            }
            prop_assert_eq!(queue.len(), model.len());
            let next = model.first_key_value().map(|it| *it.0);
            prop_assert_eq!(queue.peek().map(|it| (it.at, it.sequence)), next);
        }
    }

    #[test]
    fn alarms_ring_in_the_order_of_time_then_id(
        steps in prop::collection::vec((0..50_u32, prop::option::weighted(0.7, 0..100_u64)), 0..600)
    ) {
        let (mut alarms, mut model) = (Alarms::new(), BTreeMap::new());
        alarms.grow(50);
        for (id, at) in steps {
            let at = at.map(Instant::from_nanos);
            alarms.set(id, at);
            match at {
                Some(at) => model.insert(id, at),
                None => model.remove(&id),
            };
            prop_assert_eq!(alarms.get(id), at);
            prop_assert_eq!(alarms.peek(), model.iter().map(|(id, at)| (*at, *id)).min());
        }
    }
}
