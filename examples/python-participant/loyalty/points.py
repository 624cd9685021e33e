"""What an order is worth in points. Pure: no database, no broker, no clock.

Points are a function of what is known of an order: whose it is, what was paid for it in the end,
and whether it was delivered. So it does not matter in which order that is heard, or how often.
"""

from dataclasses import dataclass, replace

ORDER_PLACED = "order-placed"
PAYMENT_CAPTURED = "payment-captured"
PAYMENT_REFUNDED = "payment-refunded"
DELIVERY_CONFIRMED = "delivery-confirmed"
DELIVERY_RETURNED = "delivery-returned"

LISTENED = (
    ORDER_PLACED, PAYMENT_CAPTURED, PAYMENT_REFUNDED, DELIVERY_CONFIRMED, DELIVERY_RETURNED,
)

AWARDED = "points-awarded"
TAKEN_BACK = "points-taken-back"


@dataclass(frozen=True)
class Order:
    """What is known of an order, and what was given for it."""

    order_id: str
    customer_id: str | None = None
    # In minor units: captured less refunded.
    paid: int = 0
    delivered: bool = False
    # What the customer has for it.
    points: int = 0
    # Each award and each taking back, oldest first.
    milestones: tuple = ()


def hear(order: Order, type_: str, data: dict) -> Order:
    """What is known after an event, the latest one of its source about this order."""
    if type_ == ORDER_PLACED:
        return replace(order, customer_id=data["customer_id"])
    # A fact repeats everything so far, so one that got lost does not matter.
    happened = data["milestones"]
    kinds = {milestone["type"] for milestone in happened}
    if type_ in (PAYMENT_CAPTURED, PAYMENT_REFUNDED):
        captured = sum(_amount(one) for one in happened if one["type"] == PAYMENT_CAPTURED)
        refunded = sum(_amount(one) for one in happened if one["type"] == PAYMENT_REFUNDED)
        # What was only held and is released counts as refunded too.
        return replace(order, paid=max(0, captured - refunded))
    return replace(order, delivered=DELIVERY_CONFIRMED in kinds and DELIVERY_RETURNED not in kinds)


def _amount(milestone: dict) -> int:
    amount = milestone.get("data", {}).get("amount")
    return amount["amount"] if amount else 0


def due(order: Order, won_per_point: int) -> int:
    """How many points the customer is to have for it."""
    if order.customer_id is None or not order.delivered:
        return 0
    return order.paid // won_per_point


def settle(order: Order, won_per_point: int, at: str) -> tuple[Order, str | None]:
    """Gives what is due, or takes back what is no longer; and the event that tells of it, if
    anything has changed."""
    points = due(order, won_per_point)
    change = points - order.points
    if change == 0:
        return order, None
    type_ = AWARDED if change > 0 else TAKEN_BACK
    milestone = {"type": type_, "at": at, "data": {"points": abs(change)}}
    milestones = (*order.milestones, milestone)
    return replace(order, points=points, milestones=milestones), type_


def fact(order: Order) -> dict:
    """The data of an event about it: a fact like everybody's, with everything so far."""
    return {
        "order_id": order.order_id,
        "customer_id": order.customer_id,
        "state": "awarded" if order.points else "taken-back",
        "points": order.points,
        "milestones": list(order.milestones),
    }
