//! Exit codes: what whoever ran a job should do next. The state machine retries by them.

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All done.
    Done = 0,
    /// Anything without a better code; look at the message.
    Failed = 1,
    /// The command line or the configuration is wrong; correct it.
    Usage = 2,
    /// The source does not answer, or refuses; try again later.
    SourceUnavailable = 3,
    /// The data was refused: a check failed, something is damaged, or nothing that came is of use.
    DataRefused = 4,
    /// Another writer won the race; try again now.
    LostRace = 5,
}

impl Exit {
    /// The exit of a process's code, where it is one of ours.
    pub const fn of_code(code: i32) -> Option<Self> {
        Some(match code {
            0 => Self::Done,
            1 => Self::Failed,
            2 => Self::Usage,
            3 => Self::SourceUnavailable,
            4 => Self::DataRefused,
            5 => Self::LostRace,
            _ => return None,
        })
    }

    /// What to do next, as a sentence without a full stop.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Done => "nothing to do",
            Self::Failed => "read the message above",
            Self::Usage => "correct the command line or the configuration",
            Self::SourceUnavailable => "the source does not answer, or refuses: run again later",
            Self::DataRefused => {
                "the data was refused: the message above says why, ops.checks what checks found"
            }
            Self::LostRace => "another run was faster: run again now",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for code in 0..6 {
            assert_eq!(Exit::of_code(code).map(|e| e as i32), Some(code));
        }
        assert_eq!(Exit::of_code(137), None);
    }
}
