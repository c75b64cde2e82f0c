# `cargo xtask deploy` gives a root its images and the boundary, and asks for its outputs.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws-cn" }
  }
}

override_module {
  target  = module.environment
  outputs = { repositories = { plan = "mock" } }
}

variables {
  config_file          = "../../envs/dev/lake.yaml"
  permissions_boundary = "arn:aws:iam::111122223333:policy/market-lake-boundary-dev"
  images               = { plan = "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  vpc_id               = "vpc-1"
  subnets              = ["subnet-1", "subnet-2"]
}

run "it_is_deployed_as_any_environment" {
  command = plan

  assert {
    condition     = output.images["plan"] == var.images["plan"] && output.repositories["plan"] == "mock"
    error_message = "`deploy` would not find where images are pushed to, or forget them"
  }

  assert {
    condition     = var.permissions_boundary != null && var.alarm_email == null && var.owner == null
    error_message = "the root lacks a variable that `deploy` sets"
  }

  assert {
    condition     = aws_security_group.tasks.name == "market-lake-dev-tasks"
    error_message = "two environments in a VPC must not have groups of one name"
  }
}

run "a_vpc_by_its_name_is_refused" {
  command = plan

  variables {
    vpc_id = "shared"
  }

  expect_failures = [var.vpc_id]
}

run "subnets_by_their_names_are_refused" {
  command = plan

  variables {
    subnets = ["subnet-1", "private-a"]
  }

  expect_failures = [var.subnets]
}
