# What a source needs of a deployment: its key, its budget, what is dropped for it, its schedule.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b"] }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }

  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/mock" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/mock:1" }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:mock" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:111122223333:mock" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock" }
  }

  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:eu-central-1:111122223333:repository/mock", repository_url = "mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:mock" }
  }
}

variables {
  config   = "environment: test\naws: {region: eu-central-1}\n"
  contract = jsondecode(file("../../contract.json"))
}

# what was asked of a source is kept by who asks; what people drop is theirs
run "limits_are_bronzes_and_dropped_files_are_peoples" {
  command = plan

  assert {
    condition = jsonencode({
      for key in ["bronze/limits/b.json", "drop/b/a.zip"] : key => sort(concat(
        flatten([for stage, access in local.access : [
          for verb in ["read", "write", "delete"] : "${stage} ${verb}"
          if anytrue([for p in lookup(access, verb, []) : can(regex("^${replace(p, "*", ".*")}$", key))])
        ]]),
        [for verb in ["read", "write", "delete"] : "maintain ${verb}"
        if anytrue([for p in local.variants.commit.maintain.access[verb] : can(regex("^${replace(p, "*", ".*")}$", key))])],
      ))
      }) == jsonencode({
      "bronze/limits/b.json" = ["bronze read", "bronze write"]
      "drop/b/a.zip"         = ["bronze read", "plan read"]
    })
    error_message = "somebody else than bronze has a hand in the limits, or a task of ours in what people drop"
  }
}

run "bronze_alone_is_handed_the_keys_of_sources" {
  command = apply

  variables {
    config = <<-YAML
      environment: test
      sources:
        binance: {url: https://x.example}
        twelvedata: {key: "secretsmanager:market-lake/test/twelvedata"}
        alpha_vantage: {key: "ssm:/market-lake/test/alphavantage"}
        third: {key: "ssm:plain"}
        fourth: {key: "secretsmanager:arn:aws:secretsmanager:eu-west-1:444455556666:secret:fourth-AbCdEf"}
      aws: {region: eu-central-1}
    YAML
  }

  assert {
    condition = jsonencode({
      for stage, made in module.stage : stage => made.secrets if length(made.secrets) > 0
      }) == jsonencode({
      bronze = {
        MARKET_LAKE_KEY_TWELVEDATA    = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:market-lake/test/twelvedata"
        MARKET_LAKE_KEY_ALPHA_VANTAGE = "arn:aws:ssm:eu-central-1:111122223333:parameter/market-lake/test/alphavantage"
        MARKET_LAKE_KEY_THIRD         = "arn:aws:ssm:eu-central-1:111122223333:parameter/plain"
        MARKET_LAKE_KEY_FOURTH        = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:fourth-AbCdEf"
      }
    })
    error_message = "keys of sources are bronze's, under the names that it reads, and nobody else's"
  }
}

run "the_boundary_lets_an_environments_own_keys_through" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::111122223333:policy/market-lake-boundary-test"
    config               = <<-YAML
      environment: test
      sources:
        a: {key: "secretsmanager:market-lake/test/a"}
        b: {key: "ssm:/market-lake/test/b"}
        c: {key: "secretsmanager:arn:aws:secretsmanager:eu-central-1:111122223333:secret:market-lake/test/c-AbCdEf"}
        d: {key: "ssm:arn:aws:ssm:eu-central-1:111122223333:parameter/market-lake/test/d"}
        e: {url: https://x.example}
      aws: {region: eu-central-1}
    YAML
  }

  assert {
    condition     = length(local.secrets.bronze) == 4
    error_message = "a key below market-lake/test is the environment's own"
  }
}

run "without_schedules_of_their_own_all_sources_run_by_one" {
  command = apply

  variables {
    config = "environment: test\nsources: {a: {}, b: {}}\naws: {region: eu-central-1, schedule: {enabled: true}}\n"
    images = { for stage in jsondecode(file("../../contract.json")).stages : stage => "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }

  assert {
    condition     = module.pipeline.schedules == { pipeline = true, maintain = true } && length(local.left_sources) == 0
    error_message = "one schedule runs everything, and its input names nothing"
  }
}

run "a_source_with_its_own_schedule_is_left_out_of_the_general_one" {
  command = apply

  variables {
    config = "environment: test\nsources: {a: {}, b: {schedule: rate(1 hour)}, c: {}}\naws: {region: eu-central-1, schedule: {enabled: true}}\n"
    images = { for stage in jsondecode(file("../../contract.json")).stages : stage => "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }

  assert {
    condition     = module.pipeline.schedules == { pipeline = true, maintain = true, pipeline-b = true } && join(" ", local.left_sources) == "a c"
    error_message = "each source is run by one schedule"
  }
}

# whose input would name no source, and a run without a source is one of all
run "where_all_sources_have_their_own_schedule_the_general_one_rests" {
  command = apply

  variables {
    config = "environment: test\nsources: {a: {schedule: rate(2 hours)}, b: {schedule: rate(1 hour)}}\naws: {region: eu-central-1, schedule: {enabled: true}}\n"
    images = { for stage in jsondecode(file("../../contract.json")).stages : stage => "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }

  assert {
    condition     = module.pipeline.schedules == { pipeline = false, maintain = true, pipeline-a = true, pipeline-b = true }
    error_message = "all sources would be run twice"
  }
}

run "one_switch_is_for_all_schedules" {
  command = apply

  variables {
    config = "environment: test\nsources: {a: {}, b: {schedule: rate(1 hour)}}\naws: {region: eu-central-1}\n"
    images = { for stage in jsondecode(file("../../contract.json")).stages : stage => "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }

  assert {
    condition     = alltrue([for name, enabled in module.pipeline.schedules : !enabled])
    error_message = "nothing runs by itself where aws.schedule is not enabled"
  }
}
