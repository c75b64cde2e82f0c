//! gold over a lake in a temporary folder.

#[cfg(test)]
mod bars;
#[cfg(test)]
mod derive;
mod indicators;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod spoiled;
#[cfg(test)]
mod spreads;
#[cfg(test)]
mod whole;
