//! Asks the lake in SQL: named queries and free text, as a table, CSV or JSON.
