mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }

  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/market-lake-test" }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:market-lake-test-pipeline" }
  }
}

variables {
  name        = "market-lake-test"
  environment = "test"
  account     = "111122223333"
  bucket      = "lake"
  topic_arn   = "arn:aws:sns:eu-central-1:111122223333:market-lake-test-alarms"
  role_arns   = ["arn:aws:iam::111122223333:role/market-lake-test-plan-task"]
  schedule    = { expression = "rate(1 day)", enabled = false }

  maintenance = {
    task_definition = "arn:aws:ecs:eu-central-1:111122223333:task-definition/market-lake-test-maintain:3"
    role_arns       = ["arn:aws:iam::111122223333:role/market-lake-test-maintain-task"]
    expression      = "cron(0 12 ? * SUN *)"
    enabled         = true
    days            = 9
  }

  network = {
    subnets          = ["subnet-1", "subnet-2"]
    security_group   = "sg-1"
    assign_public_ip = "ENABLED"
  }

  task_definitions = {
    for stage in ["plan", "bronze", "silver", "commit", "gold", "check"] :
    stage => "arn:aws:ecs:eu-central-1:111122223333:task-definition/market-lake-test-${stage}:7"
  }
}

# One run for all that the same variables make.
run "a_machine_of_defaults" {
  command = apply

  # every task has a timeout and a way out
  assert {
    condition = alltrue([
      for states in [
        jsondecode(output.definition).States,
        jsondecode(output.definition).States["Fetch and parse"].ItemProcessor.States,
        jsondecode(output.definition).States["Build bars"].ItemProcessor.States,
        jsondecode(output.maintenance).States,
        ] : alltrue([
          for name, state in states : can(state.TimeoutSeconds) && can(state.Catch) && can(state.Retry) if state.Type == "Task"
      ])
    ])
    error_message = "a task without a timeout, a retry or a catch"
  }

  assert {
    condition = alltrue([
      for states in [
        jsondecode(output.definition).States,
        jsondecode(output.definition).States["Fetch and parse"].ItemProcessor.States,
        jsondecode(output.definition).States["Build bars"].ItemProcessor.States,
        jsondecode(output.maintenance).States,
        ] : length(setsubtract(
          flatten([
            for state in states : concat(
              [for key in ["Next", "Default"] : state[key] if can(state[key])],
              [for way in concat(try(state.Catch, []), try(state.Choices, [])) : way.Next],
            )
          ]),
          keys(states),
      )) == 0
    ])
    error_message = "a way that leads to no state"
  }

  # only bronze and silver try spot
  assert {
    condition = (
      strcontains(jsondecode(output.definition).States["Fetch and parse"].ItemProcessor.States["Fetch batch"].Arguments.CapacityProviderStrategy[0].CapacityProvider, "FARGATE_SPOT") &&
      jsondecode(output.definition).States["Commit tables"].Arguments.CapacityProviderStrategy[0].CapacityProvider == "FARGATE"
    )
    error_message = "Spot is for batches: a commit that is interrupted keeps everybody waiting"
  }

  # a task without a place costs no attempt

  # what is waited for at most, without jitter: twice the mean
  assert {
    condition = alltrue([
      for state in concat(
        [for name in ["Plan the run", "Commit tables", "Commit bars", "Judge the lake"] : jsondecode(output.definition).States[name]],
        [for name in ["Fetch batch", "Parse batch"] : jsondecode(output.definition).States["Fetch and parse"].ItemProcessor.States[name]],
        [jsondecode(output.definition).States["Build bars"].ItemProcessor.States["Build bars of the symbol"]],
        [jsondecode(output.maintenance).States["Maintain the tables"]],
        ) : (
        length(setsubtract(["AmazonECS.Unknown", "ECS.AmazonECSException"], state.Retry[0].ErrorEquals)) == 0 &&
        sum([for n in range(state.Retry[0].MaxAttempts) : min(
          state.Retry[0].IntervalSeconds * pow(state.Retry[0].BackoffRate, n), state.Retry[0].MaxDelaySeconds,
        )]) >= 3600
      )
    ])
    error_message = "a task that ECS cannot place must be tried again for an hour"
  }

  # the same error for a network that ECS was asked for too often and for an argument that is wrong
  assert {
    condition = alltrue([
      for state in [
        jsondecode(output.definition).States["Plan the run"],
        jsondecode(output.definition).States["Fetch and parse"].ItemProcessor.States["Fetch batch"],
        jsondecode(output.definition).States["Build bars"].ItemProcessor.States["Build bars of the symbol"],
        jsondecode(output.maintenance).States["Maintain the tables"],
      ] : [for entry in state.Retry : entry.MaxAttempts if contains(entry.ErrorEquals, "ECS.InvalidParameterException")] == [4]
    ])
    error_message = "a task whose network ECS did not make in time must be tried again, and a wrong argument not for an hour"
  }

  # what a program ended with is judged by its exit code: an entry for it would try it again besides
  assert {
    condition = length(setintersection(
      flatten([for state in jsondecode(output.definition).States : [for entry in state.Retry : entry.ErrorEquals] if can(state.Arguments.TaskDefinition)]),
      ["States.ALL", "States.TaskFailed", "States.Timeout"],
    )) == 0
    error_message = "a task that ran is tried again by a Retry and by its attempts"
  }

  assert {
    condition = strcontains(
      jsondecode(output.definition).States["Fetch and parse"].ItemProcessor.States["Fetch batch"].Arguments.CapacityProviderStrategy[0].CapacityProvider,
      "$states.context.State.RetryCount < 2",
    )
    error_message = "a batch must not wait an hour for Spot while there is room on demand"
  }

  # a symbol that fails keeps back no other
  assert {
    condition     = jsondecode(output.definition).States["Build bars"].ToleratedFailurePercentage == 100
    error_message = "the commit of bars must come to what was built, and fail for what was not"
  }

  # a lost race of the bars builds them again
  assert {
    condition = (
      jsondecode(output.definition).States["Commit bars: again?"].Default == "Are the bars old?" &&
      length([for way in jsondecode(output.definition).States["Commit bars: again?"].Choices : way if strcontains(way.Condition, "$exit = 5")]) == 0 &&
      length([for way in jsondecode(output.definition).States["Commit tables: again?"].Choices : way if strcontains(way.Condition, "$exit = 5")]) == 1
    )
    error_message = "exit 5 must try a commit again, and build bars again where bars were committed"
  }

  # it runs by itself only when told to
  assert {
    condition     = aws_scheduler_schedule.this["pipeline"].state == "DISABLED"
    error_message = "the schedule runs though it is not enabled"
  }

  # a run with nothing to do is judged too
  assert {
    condition = (
      jsondecode(output.definition).States["Anything to do?"].Default == "Nothing to do" &&
      jsondecode(output.definition).States["Nothing to do"].Next == "Judge the lake" &&
      jsondecode(output.definition).States["Judge the lake"].Next == "Close the run"
    )
    error_message = "a source that has fallen silent is noticed by check alone, which must run where nothing is new"
  }

  # maintenance is due by itself and has its own task
  assert {
    condition = (
      aws_scheduler_schedule.this["maintain"].state == "ENABLED" &&
      aws_scheduler_schedule.this["maintain"].schedule_expression == "cron(0 12 ? * SUN *)" &&
      aws_scheduler_schedule.this["pipeline"].state == "DISABLED"
    )
    error_message = "maintenance has a schedule of its own"
  }

  assert {
    condition = (
      jsondecode(output.maintenance).States["Maintain the tables"].Arguments.TaskDefinition == var.maintenance.task_definition &&
      strcontains(jsondecode(output.maintenance).States["Maintain the tables"].Arguments.Overrides.ContainerOverrides[0].Command, "'maintain', '--days', '9'") &&
      jsondecode(output.maintenance).States["Maintain the tables"].Arguments.Overrides.ContainerOverrides[0].Name == "commit"
    )
    error_message = "the task is the one that may delete, told how many days stay"
  }

  assert {
    condition     = !strcontains(output.definition, var.maintenance.task_definition)
    error_message = "a run of the pipeline never starts the task that may delete"
  }

  assert {
    condition = (
      data.aws_iam_policy_document.machine["maintain"].statement[0].resources == toset(["arn:aws:ecs:eu-central-1:111122223333:task-definition/market-lake-test-maintain:*"]) &&
      !contains(data.aws_iam_policy_document.machine["pipeline"].statement[0].resources, "arn:aws:ecs:eu-central-1:111122223333:task-definition/market-lake-test-maintain:*")
    )
    error_message = "each machine starts its own tasks only"
  }

  # one schedule runs all sources
  assert {
    condition     = { for name, schedule in aws_scheduler_schedule.this : name => schedule.target[0].input } == { pipeline = "{}", maintain = "{}" }
    error_message = "an input that names no source is one of all"
  }
}

run "without_spot_everything_is_on_demand" {
  command = apply

  variables {
    spot = false
  }

  assert {
    condition     = !strcontains(output.definition, "FARGATE_SPOT")
    error_message = "a task on Spot though spot is false"
  }
}

run "a_stage_that_is_missing_is_refused" {
  command = plan

  variables {
    task_definitions = { plan = "arn:aws:ecs:eu-central-1:111122223333:task-definition/market-lake-test-plan:7" }
  }

  expect_failures = [var.task_definitions]
}

run "a_schedule_in_crontab_form_is_refused" {
  command = plan

  variables {
    schedule = { expression = "30 3 * * *", enabled = true }
  }

  expect_failures = [var.schedule]
}

run "no_attempt_at_all_is_refused" {
  command = plan

  variables {
    attempts = 0
  }

  expect_failures = [var.attempts]
}

run "maintenance_that_deletes_what_is_in_flight_is_refused" {
  command = plan

  variables {
    maintenance = {
      task_definition = "arn:aws:ecs:eu-central-1:111122223333:task-definition/market-lake-test-maintain:3"
      role_arns       = []
      expression      = "rate(7 days)"
      enabled         = true
      days            = 6
    }
  }

  expect_failures = [var.maintenance]
}

run "an_alias_in_place_of_a_key_is_refused" {
  command = plan

  variables {
    kms_key_arn = "alias/lake"
  }

  expect_failures = [var.kms_key_arn]
}

run "a_key_of_ones_own_is_for_the_machine_that_reads_the_lake" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/own"
  }

  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.machine :
      name => length([for statement in document.statement : statement if contains(statement.resources, var.kms_key_arn)])
    } == { pipeline = 1, maintain = 0 }
    error_message = "the pipeline reads and writes the lake, the other machine does not"
  }
}

run "a_task_without_a_second_is_refused" {
  command = plan

  variables {
    task_timeout_seconds = 0
  }

  expect_failures = [var.task_timeout_seconds]
}

run "a_source_may_have_a_schedule_of_its_own" {
  command = apply

  variables {
    schedule         = { expression = "rate(1 day)", enabled = true, sources = ["binance", "histdata"] }
    source_schedules = { twelvedata = { expression = "rate(1 hour)", enabled = true } }
  }

  assert {
    condition = {
      for name, schedule in aws_scheduler_schedule.this : name => "${schedule.name} ${schedule.schedule_expression} ${schedule.state} ${schedule.target[0].input}"
      } == {
      pipeline            = "market-lake-test-pipeline rate(1 day) ENABLED {\"sources\":[\"binance\",\"histdata\"]}"
      maintain            = "market-lake-test-maintain cron(0 12 ? * SUN *) ENABLED {}"
      pipeline-twelvedata = "market-lake-test-pipeline-twelvedata rate(1 hour) ENABLED {\"sources\":[\"twelvedata\"]}"
    }
    error_message = "each source is run by one schedule, its own or that of the others"
  }

  # whichever way a run is narrowed, plan is told
  assert {
    condition = (
      strcontains(jsondecode(output.definition).States["Name the run"].Assign.sources, "$states.input.sources") &&
      strcontains(jsondecode(output.definition).States["Plan the run"].Arguments.Overrides.ContainerOverrides[0].Command, "$append($all, ['--source', $one])")
    )
    error_message = "plan is not told which sources a run is over"
  }
}

run "a_source_of_two_schedules_is_refused" {
  command = plan

  variables {
    schedule         = { expression = "rate(1 day)", enabled = true, sources = ["binance", "twelvedata"] }
    source_schedules = { twelvedata = { expression = "rate(1 hour)", enabled = true } }
  }

  expect_failures = [var.source_schedules]
}

run "a_schedule_of_all_beside_one_of_a_source_is_refused" {
  command = plan

  variables {
    schedule         = { expression = "rate(1 day)", enabled = true }
    source_schedules = { twelvedata = { expression = "rate(1 hour)", enabled = true } }
  }

  expect_failures = [var.source_schedules]
}

run "a_sources_schedule_in_crontab_form_is_refused" {
  command = plan

  variables {
    source_schedules = { twelvedata = { expression = "30 3 * * *", enabled = true } }
  }

  expect_failures = [var.source_schedules]
}
