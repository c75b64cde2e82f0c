//! Questions to a lake in a temporary folder.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod program;
