//! What is said in Korean.

use super::{
    Basket, Template,
    words::{Why, amount, local, plain},
};

pub(super) fn text(template: &Template) -> String {
    match template {
        Template::Scheduled { basket, at } => {
            let when = at.map_or_else(String::new, |at| format!(" ({})", local(at)));
            format!("주문이 예약되었습니다{when}.\n{}", bought(basket))
        }
        Template::Placed { basket } => format!("주문이 접수되었습니다.\n{}", bought(basket)),
        Template::Paid => "결제가 승인되었습니다. 가게의 확인을 기다리고 있습니다.".to_owned(),
        Template::Accepted { store } => format!("가게가 주문을 수락했습니다. ({store})"),
        Template::Cooking => "조리를 시작했습니다.".to_owned(),
        Template::Cooked => "조리가 끝났습니다. 곧 배달을 시작합니다.".to_owned(),
        Template::OnTheWay => "라이더가 음식을 가지고 출발했습니다.".to_owned(),
        Template::Delivered => "배달이 완료되었습니다. 맛있게 드세요!".to_owned(),
        Template::Cancelling => "주문을 취소하고 있습니다.".to_owned(),
        Template::Cancelled { reason } => format!(
            "주문이 취소되었습니다. 사유: {}. 요금은 청구되지 않습니다.",
            why(Why::of_any(reason.as_deref()))
        ),
        Template::Returning => "주문이 반송되고 있습니다. 결제 금액은 환불됩니다.".to_owned(),
        Template::Returned { reason } => format!(
            "주문이 반송되었습니다. 사유: {}. 결제 금액이 환불되었습니다.",
            why(Why::of_any(reason.as_deref()))
        ),
        Template::Revised { basket } => format!("주문이 변경되었습니다.\n{}", bought(basket)),
        Template::RevisionRefused { reason } => format!(
            "주문을 변경하지 못했습니다. 사유: {}. 원래대로 진행됩니다.",
            why(Why::of(reason))
        ),
        Template::CancellationTooLate => {
            "이미 조리를 시작하여 주문을 취소할 수 없습니다.".to_owned()
        }
        Template::NewOrder { basket } => {
            format!("새 주문이 들어왔습니다. 수락 여부를 알려 주세요.\n{}", bought(basket))
        }
        Template::Offered { store, district, line } => {
            format!(
                "근처에 새 배달이 있습니다.\n가게: {store}\n배달지: {district}, {}",
                plain(line)
            )
        }
    }
}

fn bought(basket: &Basket) -> String {
    let more = match basket.lines.saturating_sub(1) {
        0 => String::new(),
        more => format!(" 외 {more}건"),
    };
    let total = match basket.total.currency.as_str() {
        "KRW" => format!("{}원", amount(basket.total)),
        code => format!("{code} {}", amount(basket.total)),
    };
    format!("메뉴: {}{more}\n금액: {total}", plain(&basket.first))
}

const fn why(why: Why) -> &'static str {
    match why {
        Why::PaymentDeclined => "결제가 거절됨",
        Why::PaymentTimeout => "결제 시간 초과",
        Why::StoreRejected => "가게 사정",
        Why::StoreTimeout => "가게의 응답 없음",
        Why::OutOfStock => "재고 부족",
        Why::KitchenDeclined => "주방 사정",
        Why::KitchenTimeout => "조리 시작 지연",
        Why::CustomerCancelled => "고객 요청",
        Why::DeliveryReturned => "전달 실패",
        Why::AlreadyAccepted => "가게가 이미 수락함",
        Why::OrderCancelled => "주문이 취소되고 있음",
        Why::Other => "서비스 사정",
    }
}
