mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:111122223333:market-lake-test-alarms" }
  }

  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:mock" }
  }
}

variables {
  name              = "market-lake-test"
  environment       = "test"
  account           = "111122223333"
  stages            = jsondecode(file("../../contract.json")).stages
  metrics           = jsondecode(file("../../contract.json")).metrics
  state_machine_arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:market-lake-test-pipeline"
  dead_letter_queue = "market-lake-test-failed-batches"
  scheduled         = true
  stale_hours       = 36
}

run "every_alarm_tells_somebody_and_names_its_runbook" {
  command = apply

  assert {
    condition     = toset(keys(output.alarms)) == toset(["failed-runs", "timeouts", "failed-batches", "error-rate", "source-latency", "silent-source", "stale-data"])
    error_message = "an alarm is missing or new: README.md and ops/runbooks must follow"
  }

  assert {
    condition = alltrue([
      for runbook, alarm in aws_cloudwatch_metric_alarm.this :
      alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && strcontains(alarm.alarm_description, "ops/runbooks/${runbook}.md")
    ])
    error_message = "an alarm tells nobody, or not what to do"
  }
}

run "every_metric_of_the_contract_is_shown" {
  command = apply

  assert {
    condition = length(setsubtract(
      [for metric in var.metrics.list : metric.name],
      [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : try(widget.properties.metrics[0][1], "")],
    )) == 0
    error_message = "a metric is reported and not shown"
  }
}

run "bytes_of_queries_are_those_of_every_state_and_type" {
  command = apply

  assert {
    condition = anytrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets :
      startswith(try(widget.properties.metrics[0][0].expression, ""), "SUM(SEARCH('{AWS/Athena,QueryState,QueryType,WorkGroup} MetricName=\"ProcessedBytes\" WorkGroup=\"market-lake-test\"'")
    ])
    error_message = "Athena reports by QueryState, QueryType and WorkGroup: a graph by WorkGroup alone stays empty"
  }
}

# a run ends well without it, so that no other alarm rings for days
run "a_source_that_is_silent_among_others_is_told" {
  command = apply

  assert {
    condition = (
      one(aws_cloudwatch_metric_alarm.this["silent-source"].metric_query).metric[0].metric_name == "silent_sources" &&
      one(aws_cloudwatch_metric_alarm.this["silent-source"].metric_query).metric[0].dimensions["Stage"] == "plan" &&
      one(aws_cloudwatch_metric_alarm.this["silent-source"].metric_query).metric[0].stat == "Maximum" &&
      aws_cloudwatch_metric_alarm.this["silent-source"].threshold == 0 &&
      aws_cloudwatch_metric_alarm.this["silent-source"].treat_missing_data == "notBreaching" &&
      aws_cloudwatch_metric_alarm.this["silent-source"].actions_enabled
    )
    error_message = "one plan that leaves out a source is told, also where runs are started by hand"
  }
}

run "without_a_schedule_stale_data_is_silent" {
  command = apply

  variables {
    scheduled = false
  }

  assert {
    condition     = !aws_cloudwatch_metric_alarm.this["stale-data"].actions_enabled && aws_cloudwatch_metric_alarm.this["failed-runs"].actions_enabled
    error_message = "only stale data may be silent"
  }
}

run "mail_is_for_what_went_wrong" {
  command = apply

  variables {
    email = "me@example.org"
  }

  assert {
    condition     = strcontains(aws_sns_topic_subscription.email[0].filter_policy, "anything-but")
    error_message = "a mail for each run that went well"
  }
}

run "nobody_is_mailed_by_default" {
  command = plan

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "a subscription without an address"
  }
}

run "an_alarm_on_a_metric_that_nobody_reports_is_refused" {
  command = plan

  variables {
    metrics = { namespace = "MarketLake", list = [{ name = "rows", title = "Rows", statistic = "Sum", stages = ["silver"] }] }
  }

  expect_failures = [aws_cloudwatch_metric_alarm.this]
}

run "more_than_a_week_is_refused" {
  command = plan

  variables {
    stale_hours = 200
  }

  expect_failures = [var.stale_hours]
}

run "a_source_that_has_fallen_silent_rings" {
  command = apply

  variables {
    lag_hours   = 50
    stale_hours = 30
  }

  # runs that end well do not hide it: the alarm watches the data, not the runs
  assert {
    condition = (
      one(aws_cloudwatch_metric_alarm.this["stale-data"].metric_query).metric[0].metric_name == "lag" &&
      one(aws_cloudwatch_metric_alarm.this["stale-data"].metric_query).metric[0].namespace == "MarketLake" &&
      one(aws_cloudwatch_metric_alarm.this["stale-data"].metric_query).metric[0].dimensions["Stage"] == "check" &&
      one(aws_cloudwatch_metric_alarm.this["stale-data"].metric_query).metric[0].stat == "Maximum"
    )
    error_message = "stale data is told by the lag that check reports"
  }

  # no figure at all for so long is as bad as a bad one, and one good figure is enough
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["stale-data"].treat_missing_data == "breaching" &&
      aws_cloudwatch_metric_alarm.this["stale-data"].comparison_operator == "GreaterThanThreshold" &&
      aws_cloudwatch_metric_alarm.this["stale-data"].threshold == 180000 &&
      aws_cloudwatch_metric_alarm.this["stale-data"].evaluation_periods == 30 &&
      aws_cloudwatch_metric_alarm.this["stale-data"].datapoints_to_alarm == 30
    )
    error_message = "missing data must count as stale, for as long as stale_hours says"
  }
}
