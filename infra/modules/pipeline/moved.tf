# Where deployments that are older have what is made by one text now. Such a deployment is applied
# once before its teardown: Terraform takes no -target while something is still to be moved.

moved {
  from = aws_sfn_state_machine.this
  to   = aws_sfn_state_machine.this["pipeline"]
}

moved {
  from = aws_sfn_state_machine.maintain
  to   = aws_sfn_state_machine.this["maintain"]
}

moved {
  from = aws_scheduler_schedule.this
  to   = aws_scheduler_schedule.this["pipeline"]
}

moved {
  from = aws_scheduler_schedule.maintain
  to   = aws_scheduler_schedule.this["maintain"]
}

moved {
  from = aws_iam_role.pipeline
  to   = aws_iam_role.machine["pipeline"]
}

moved {
  from = aws_iam_role.maintain
  to   = aws_iam_role.machine["maintain"]
}

moved {
  from = aws_iam_role_policy.pipeline
  to   = aws_iam_role_policy.machine["pipeline"]
}

moved {
  from = aws_iam_role_policy.maintain
  to   = aws_iam_role_policy.machine["maintain"]
}
