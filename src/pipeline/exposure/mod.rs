//! Deliveries that carry a secret of ours: looked for after they were answered, never in their way.
//!
//! Owns: what is looked for, the bounded queue of what is to be looked through, and what was told of it.
//! Must not know: how a delivery is judged. A hit refuses nothing: the delivery is genuine, and it is the provider, or whoever
//! wrote the payload, that shows what should be known to two only. The secret is to be rotated.
//!
//! Rules:
//! 1. Looked for is every shared secret of every integration, of 8 bytes or more: as it is written, as it is meant (out of hex
//!    or base64), and both again in base64 and in hex. Public keys are no secrets.
//! 2. Looked through are the header values, the query and the body of deliveries that were verified and forwarded.
//! 3. An integration whose provider shows its secret in every delivery (a token, basic authentication) is not told of its own,
//!    nor of the header it is shown in.
//! 4. Every hit is counted; a record is written at most once a minute for each secret and place.
//! 5. What finds no room in the queue is not looked through, and counted.

mod lookout;
mod needles;

pub use lookout::{Lookout, Sighting};
pub use needles::{Form, Needle, Needles, needles_of};
