//! Keyed streams in simulated networks: they go as those without a key do, no nonce is used twice, and whoever has no
//! key changes nothing.

mod alike;
mod attacks;
mod costs;
mod house;
mod insider;
mod nonces;
mod outsider;
mod recordings;
