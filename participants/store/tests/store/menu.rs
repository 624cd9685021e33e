//! Putting items on a menu: what changes, what is told, what is refused.

use contracts::Event;
use runtime::{Content, Reply};
use store::domain::MAX_STOCK;

use crate::rig::{Act, Rig, put};

/// Ten pieces put in: five on hand, two reserved, three sold.
fn in_use() -> Rig {
    let mut rig = Rig::given(&[]);
    for (order, quantity, acts) in [
        ("held", 2, &[Act::Request, Act::Accept][..]),
        ("sold", 3, &[Act::Request, Act::Accept, Act::Settle]),
    ] {
        for act in acts {
            rig.act_on(order, &[("gimbap", quantity)], *act);
        }
    }
    assert_eq!(rig.stock("gimbap"), (5, 2, 3));
    rig
}

#[test]
fn a_put_says_how_much_was_ever_put_in() {
    for (name, price, stock, expected, told) in [
        ("Gimbap", 9_500, 10, Ok((5, 2, 3)), false),
        ("Gimbap", 9_500, 12, Ok((7, 2, 3)), false),
        ("Gimbap", 9_500, 5, Ok((0, 2, 3)), false),
        ("Gimbap", 9_500, MAX_STOCK, Ok((MAX_STOCK - 5, 2, 3)), false),
        ("Gimbap", 9_500, 4, Err("stock-too-low"), false),
        ("Tuna gimbap", 9_900, 4, Err("stock-too-low"), false),
        ("Gimbap", 9_900, 10, Ok((5, 2, 3)), true),
        ("Tuna gimbap", 9_500, 11, Ok((6, 2, 3)), true),
    ] {
        let mut rig = in_use();
        let before = rig.item("gimbap").unwrap().version;
        let decision = rig.take(&put("gimbap", name, price, stock));
        let found = match &decision.reply {
            Reply::Refused(problem) => {
                assert_eq!(problem.status, 409);
                Err(problem.slug())
            }
            Reply::Done { status, body, .. } => {
                assert_eq!((*status, &body["stock"]), (200, &stock.into()));
                Ok(rig.stock("gimbap"))
            }
            Reply::None => panic!("a request is answered"),
        };
        assert_eq!(found, expected, "{name} {price} {stock}");
        assert_eq!(!decision.messages.is_empty(), told, "{name} {price} {stock}");
        let changed = expected.is_ok() && (told || stock != 10);
        let after = rig.item("gimbap").unwrap().version;
        assert_eq!(after, before + u64::from(changed), "{name} {price} {stock}");
    }
}

#[test]
fn a_new_item_is_told_with_its_first_version() {
    let mut rig = Rig::new(false);
    let decision = rig.take(&put("ramen", "Ramen", 4_000, 0));
    let [message] = &decision.messages[..] else { panic!("one event") };
    let Content::Event { event: Event::MenuItemChanged(told), sequence: 1, repeat: false } =
        &message.content
    else {
        panic!("{message:?}");
    };
    assert_eq!((told.name.as_str(), told.price.amount), ("Ramen", 4_000));
    assert_eq!(message.about.id.as_ref(), "store-1/ramen");
}

#[test]
fn a_repeated_put_is_answered_alike() {
    let mut rig = Rig::new(false);
    let reply = |rig: &mut Rig| match rig.take(&put("ramen", "Ramen", 4_000, 7)).reply {
        Reply::Done { status, body, .. } => (status, body),
        other => panic!("{other:?}"),
    };
    let first = reply(&mut rig);
    assert_eq!(reply(&mut rig), first);
    assert_eq!(first.0, 200);
}
