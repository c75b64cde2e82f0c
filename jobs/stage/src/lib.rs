//! What each job needs: arguments, context, clock, logging, progress, exit codes, retries.
