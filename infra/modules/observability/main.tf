# What people look at, and who is told. Alarms are few: each has a page in ops/runbooks/ that says what
# to do, and one that nobody would get up for is not made.

data "aws_region" "this" {}

# A topic of its own key would cost 1 USD a month at rest; with the key that AWS manages CloudWatch may
# not publish. What goes through are names of alarms and runs.
resource "aws_sns_topic" "alarms" {
  # checkov:skip=CKV_AWS_26: see above
  name = "${var.name}-alarms"
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "AlarmsAndBudgets"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  count = var.email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.email

  # the pipeline also tells of runs that went well; a mail for each would teach people not to read them
  filter_policy = jsonencode({ outcome = [{ exists = false }, { anything-but = ["done"] }] })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.says}. What to do: ops/runbooks/${each.key}.md"
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.missing
  actions_enabled     = each.value.enabled
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = each.value.expression == null

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = each.value.period
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression == null ? [] : [each.value.expression]

    content {
      id          = "result"
      label       = each.key
      expression  = metric_query.value
      return_data = true
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.unknown_metrics) == 0
      error_message = "alarms watch metrics that no job reports: ${join(", ", local.unknown_metrics)}."
    }
  }
}
