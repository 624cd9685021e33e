//! Every template in both languages.

use contracts::money::Currency;

use super::*;

fn won(amount: i64) -> Money {
    Money { amount, currency: Currency::KRW }
}

fn basket(first: &str, lines: usize, total: Money) -> Basket {
    Basket { first: first.to_owned(), lines, total }
}

fn all() -> Vec<Template> {
    let basket = || basket("Kimbap", 2, won(19_000));
    let reason = || Some("store_timeout".to_owned());
    let at = Some(Timestamp::from_millis(1_780_000_000_123));
    vec![
        Template::Scheduled { basket: basket(), at },
        Template::Placed { basket: basket() },
        Template::Paid,
        Template::Accepted { store: "noodle-house".to_owned() },
        Template::Cooking,
        Template::Cooked,
        Template::OnTheWay,
        Template::Delivered,
        Template::Cancelling,
        Template::Cancelled { reason: reason() },
        Template::Returning,
        Template::Returned { reason: None },
        Template::Revised { basket: basket() },
        Template::RevisionRefused { reason: "payment_declined".to_owned() },
        Template::CancellationTooLate,
        Template::NewOrder { basket: basket() },
        Template::Offered {
            store: "noodle-house".to_owned(),
            district: "mapo".to_owned(),
            line: "12 Wausan-ro".to_owned(),
        },
    ]
}

#[test]
fn each_template_says_something_of_its_own_in_each_language_and_names_the_order() {
    let mut texts = std::collections::BTreeSet::new();
    let mut names = std::collections::BTreeSet::new();
    let templates = all();
    for template in &templates {
        assert!(names.insert(template.name()), "{}", template.name());
        for language in Language::ALL {
            let text = template.text(language, "o-1");
            assert!(text.ends_with(": o-1"), "{text}");
            let korean = text.chars().any(|it| ('가'..='힣').contains(&it));
            assert_eq!(korean, language == Language::Ko, "{text}");
            assert!(texts.insert(text));
        }
    }
    assert_eq!((names.len(), texts.len()), (templates.len(), 2 * templates.len()));
}

#[test]
fn a_text_as_a_customer_reads_it() {
    let placed = Template::Placed { basket: basket("Cold noodles", 3, won(1_019_000)) };
    assert_eq!(
        placed.text(Language::Ko, "o-1"),
        "주문이 접수되었습니다.\n메뉴: Cold noodles 외 2건\n금액: 1,019,000원\n주문번호: o-1"
    );
    assert_eq!(
        placed.text(Language::En, "o-1"),
        "We have your order.\nWhat: Cold noodles and 2 more\nTotal: KRW 1,019,000\nOrder: o-1"
    );
    let scheduled = &all()[0];
    assert!(scheduled.text(Language::Ko, "o-1").contains("2026-05-29 05:26"));
}

#[test]
fn an_amount_is_in_units_of_its_currency() {
    for (code, amount, expected) in [
        ("KRW", 0, "0"),
        ("KRW", 999, "999"),
        ("KRW", 1_000, "1,000"),
        ("JPY", 1_234_567, "1,234,567"),
        ("USD", 5, "0.05"),
        ("USD", 123_456, "1,234.56"),
        ("KWD", 1_005, "1.005"),
    ] {
        let currency = Currency::new(code).unwrap();
        assert_eq!(words::amount(Money { amount, currency }), expected, "{code}");
    }
}

#[test]
fn what_people_wrote_stays_on_its_line() {
    let line = "12 Wausan-ro\nOrder: other\u{1b}[2J".to_owned();
    let (store, district) = ("s".to_owned(), "mapo".to_owned());
    let text = Template::Offered { store, district, line }.text(Language::En, "o-1");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn every_reason_that_the_orchestrator_gives_has_words() {
    for slug in [
        "payment_declined",
        "payment_timeout",
        "store_rejected",
        "store_timeout",
        "out_of_stock",
        "kitchen_declined",
        "kitchen_timeout",
        "customer_cancelled",
        "delivery_returned",
        "already_accepted",
        "order_cancelled",
    ] {
        assert_ne!(words::Why::of(slug), words::Why::Other, "{slug}");
    }
    assert_eq!(words::Why::of("operator"), words::Why::Other);
    assert_eq!(words::Why::of_any(None), words::Why::Other);
}
