//! Derives bars and daily figures from silver; rebuilds dirty partitions only.
