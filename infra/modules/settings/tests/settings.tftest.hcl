variables {
  config_file = "../../envs/dev/lake.yaml"
}

run "the_provider_is_told_what_lake_yaml_says" {
  command = plan

  assert {
    condition     = output.region == "eu-central-1" && output.accounts == null && output.tags["Environment"] == "dev" && output.tags["Owner"] == "market-lake"
    error_message = "region, account and tags are those of lake.yaml"
  }

  assert {
    condition     = output.config == file("../../envs/dev/lake.yaml") && contains(output.contract.stages, "silver")
    error_message = "the jobs read the very bytes"
  }
}

run "further_tags_go_to_everything" {
  command = plan

  variables {
    owner = "data"
    tags  = { CostCenter = "42" }
  }

  assert {
    condition     = output.tags["CostCenter"] == "42" && output.tags["Owner"] == "data" && output.tags["Project"] == "market-lake"
    error_message = "a tag is missing"
  }
}

run "a_tag_of_the_projects_own_is_refused" {
  command = plan

  variables {
    tags = { Environment = "prod" }
  }

  expect_failures = [var.tags]
}

run "an_environment_of_this_machine_alone_is_refused" {
  command = plan

  variables {
    config_file = "../../envs/demo/lake.yaml"
  }

  expect_failures = [var.config_file]
}

run "an_owner_that_no_tag_can_hold_is_refused" {
  command = plan

  variables {
    owner = "<data>"
  }

  expect_failures = [var.owner]
}
