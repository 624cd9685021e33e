//! What the tests of the engine share: the definitions, a saga under test, and a world of
//! participants that answer as real ones do.

pub(crate) mod definitions;
pub(crate) mod saga_under_test;
pub(crate) mod world;

pub(crate) use definitions::{order, return_order, revise};
pub(crate) use saga_under_test::SagaUnderTest;
