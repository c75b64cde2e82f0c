# A warning before the bill. It counts what carries the environment's tag, once that is activated as a cost
# allocation tag (docs/deploy.md) and nothing before, or all that the account costs.

resource "aws_budgets_budget" "this" {
  name         = var.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_usd)
  limit_unit   = "USD"

  dynamic "cost_filter" {
    for_each = var.environment == null ? [] : [var.environment]

    content {
      name   = "TagKeyValue"
      values = [format("user:Environment$%s", cost_filter.value)]
    }
  }

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_sns_topic_arns  = [var.topic_arn]
      subscriber_email_addresses = var.email == null ? [] : [var.email]
    }
  }
}
