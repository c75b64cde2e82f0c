mock_provider "aws" {}

variables {
  name        = "market-lake-test"
  environment = "test"
  monthly_usd = 25
  topic_arn   = "arn:aws:sns:eu-central-1:111122223333:market-lake-test-alarms"
}

run "it_counts_this_environment_only" {
  command = plan

  assert {
    condition     = one(aws_budgets_budget.this.cost_filter).values == tolist(["user:Environment$test"])
    error_message = "the budget counts something else"
  }

  assert {
    condition     = join(" ", output.filter) == "user:Environment$test"
    error_message = "the output does not say what is counted"
  }

  assert {
    condition     = { for n in aws_budgets_budget.this.notification : n.notification_type => n.threshold } == { ACTUAL = 80, FORECASTED = 100 }
    error_message = "both what is spent and what is forecast must warn"
  }

  assert {
    condition     = alltrue([for n in aws_budgets_budget.this.notification : length(n.subscriber_sns_topic_arns) == 1])
    error_message = "a warning that nobody gets"
  }
}

run "it_counts_the_whole_account" {
  command = plan

  variables {
    environment = null
  }

  assert {
    condition     = length(aws_budgets_budget.this.cost_filter) == 0
    error_message = "without activated tags a filter counts nothing"
  }
}

run "no_money_is_refused" {
  command = plan

  variables {
    monthly_usd = 0
  }

  expect_failures = [var.monthly_usd]
}

run "what_is_no_address_is_refused" {
  command = plan

  variables {
    email = "me"
  }

  expect_failures = [var.email]
}
