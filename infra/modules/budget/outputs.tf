output "name" {
  description = "Name of the budget."
  value       = aws_budgets_budget.this.name
}

output "filter" {
  description = "Tags whose costs count; empty: all that the account costs."
  value       = flatten([for filter in aws_budgets_budget.this.cost_filter : filter.values])
}
