//! What must hold after any sequence of inputs, repeated and reordered as may be.

use std::collections::HashMap;

use contracts::EventType;
use proptest::{collection::vec, prelude::*};
use store::domain::State;

use crate::rig::{Act, Rig, put};

const ORDERS: [&str; 3] = ["a", "b", "c"];
const ITEMS: [&str; 2] = ["gimbap", "ramen"];

#[derive(Clone, Debug)]
enum Step {
    Put { item: usize, price: i64, stock: u64 },
    Act { order: usize, act: Act },
}

fn any_step() -> impl Strategy<Value = Step> {
    let act = prop_oneof![
        Just(Act::Request),
        Just(Act::Accept),
        Just(Act::Reject),
        Just(Act::Cancel),
        Just(Act::Settle),
        Just(Act::Restock),
        (1..4_u32, 1..9_u32).prop_map(|(number, pieces)| Act::Revise(number, pieces)),
        (1..4_u32).prop_map(Act::Keep),
    ];
    prop_oneof![
        1 => (0..ITEMS.len(), 1_i64..3, 0_u64..30)
            .prop_map(|(item, price, stock)| Step::Put { item, price, stock }),
        4 => (0..ORDERS.len(), act).prop_map(|(order, act)| Step::Act { order, act }),
    ]
}

/// What each order wants: of `a` both items, one in two lines.
fn lines(order: usize) -> &'static [(&'static str, u32)] {
    match order {
        0 => &[("gimbap", 2), ("ramen", 1), ("gimbap", 3)],
        1 => &[("gimbap", 7)],
        _ => &[("ramen", 9)],
    }
}

/// Pieces of an item that tickets in that state are about.
fn pieces(rig: &Rig, item: &str, state: State) -> u64 {
    let tickets = ORDERS.iter().filter_map(|order| rig.ticket(order));
    tickets
        .filter(|ticket| ticket.state == state)
        .flat_map(|ticket| ticket.quantities())
        .filter(|(menu_id, _)| menu_id.as_str() == item)
        .map(|(_, quantity)| quantity)
        .sum()
}

fn assert_sound(rig: &Rig, put_in: &HashMap<usize, u64>) {
    for (index, item) in ITEMS.iter().enumerate() {
        let (on_hand, reserved, sold) = rig.stock(item);
        let sum = put_in.get(&index).copied().unwrap_or(0);
        assert_eq!(on_hand + reserved + sold, sum, "{item}");
        assert_eq!(reserved, pieces(rig, item, State::Accepted), "{item}");
        assert_eq!(sold, pieces(rig, item, State::Settled), "{item}");
    }
    for ticket in ORDERS.iter().filter_map(|order| rig.ticket(order)) {
        let kinds: Vec<EventType> =
            ticket.record.milestones.iter().map(|milestone| milestone.kind).collect();
        let changes =
            [EventType::TicketRevised, EventType::TicketRevisionRefused, EventType::TicketKept];
        let once = |kind| kinds.iter().filter(|it| *it == kind).count() == 1;
        let ours = kinds.iter().filter(|kind| !changes.contains(kind));
        assert!(ours.clone().all(once), "{kinds:?}");
        let decided = kinds.iter().filter(|kind| changes.contains(kind)).count();
        assert!(decided <= 3, "each change is decided once: {kinds:?}");
        let answered = kinds.iter().position(|kind| !changes.contains(kind));
        let changed = kinds.iter().rposition(|kind| *kind == EventType::TicketRevised);
        assert!(answered.is_none_or(|it| changed.is_none_or(|changed| changed < it)), "{kinds:?}");
        let both = |one, other| kinds.contains(&one) && kinds.contains(&other);
        assert!(!both(EventType::OrderAccepted, EventType::OrderRejected));
        assert!(!both(EventType::StockSettled, EventType::StockRestocked));
        assert!(!both(EventType::StockSettled, EventType::TicketCancelled));
    }
}

proptest! {
    #[test]
    fn what_was_put_in_is_on_hand_reserved_or_sold(steps in vec(any_step(), 0..60)) {
        let mut rig = Rig::new(false);
        let mut put_in = HashMap::new();
        for step in steps {
            match step {
                Step::Put { item, price, stock } => {
                    let input = put(ITEMS[item], ITEMS[item], price, stock);
                    if let runtime::Reply::Done { .. } = rig.take(&input).reply {
                        put_in.insert(item, stock);
                    }
                }
                Step::Act { order, act } => {
                    let before = rig.ticket(ORDERS[order]).cloned();
                    rig.act_on(ORDERS[order], lines(order), act);
                    if let (Some(before), Some(after)) = (before, rig.ticket(ORDERS[order])) {
                        let whole = &after.record.milestones;
                        prop_assert!(whole.starts_with(&before.record.milestones));
                        prop_assert!(before.is_active() || !after.is_active());
                    }
                }
            }
            assert_sound(&rig, &put_in);
        }
    }

    #[test]
    fn an_undo_is_always_answered(acts in vec(any_step(), 0..30)) {
        let mut rig = Rig::new(false);
        rig.take(&put("gimbap", "gimbap", 1, 20));
        for step in acts {
            if let Step::Act { order, act } = step {
                rig.act_on(ORDERS[order], lines(order), act);
            }
        }
        for (index, order) in ORDERS.iter().enumerate() {
            let cancelled = rig.act_on(order, lines(index), Act::Cancel);
            let told = ["ticket-cancelled", "again stock-settled", "again stock-restocked"];
            let changed = rig.ticket(order).unwrap().revision.is_some();
            let answered = |words: &str, told: &[&str]| {
                told.iter().any(|it| words.ends_with(it)) || (changed && words.starts_with("again "))
            };
            prop_assert!(answered(&cancelled, &told), "{}", cancelled);
            let restocked = rig.act_on(order, lines(index), Act::Restock);
            let told = ["stock-restocked", "again stock-settled"];
            prop_assert!(answered(&restocked, &told), "{}", restocked);
            for number in 1..4 {
                rig.act_on(order, lines(index), Act::Keep(number));
                let kept = rig.act_on(order, lines(index), Act::Keep(number));
                prop_assert!(kept.starts_with("again "), "{}", kept);
            }
        }
    }
}
