//! What is wrong with the bytes of a request, and where.

/// A fault of the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} in the {place}")]
pub struct WireFault {
    /// What it is.
    pub kind: FaultKind,
    /// Where it is.
    pub place: FaultPlace,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The bytes are no strict HTTP/1.1.
    Malformed,
    /// The head has more bytes or more lines than allowed.
    HeadersTooLarge,
}

/// Where the fault stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPlace {
    /// In a request's head: the handler is told, hyper saw nothing of it.
    Head,
    /// In a chunked body's framing: reading the body fails.
    Body,
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "malformed framing",
            Self::HeadersTooLarge => "too large headers",
        })
    }
}

impl std::fmt::Display for FaultPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Head => "head",
            Self::Body => "body",
        })
    }
}
