"""Glue: databases that are gone, and data quality rulesets."""

from __future__ import annotations

import time
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.glue.exceptions import EntityNotFoundException
from moto.glue.models import GlueBackend
from moto.glue.responses import GlueResponse

from emulator.patching import Patcher, patch


@patch("glue.tags_of_deleted_databases")
def tags_of_deleted_databases(p: Patcher) -> None:
    """A deleted database is still found by its tags in moto: a teardown would never be clean."""

    def make(original: Any) -> Any:
        def delete_database(self: Any, database_name: str) -> None:
            original(self, database_name)
            arn = f"arn:{self.partition}:glue:{self.region_name}:{self.account_id}:database/{database_name}"
            self.tagger.delete_all_tags_for_resource(arn)

        return delete_database

    p.wrap(GlueBackend, "delete_database", make)


@patch("glue.data_quality_rulesets")
def data_quality_rulesets(p: Patcher) -> None:
    """moto has none of the calls for data quality rulesets."""
    rulesets: dict[str, dict[str, Any]] = {}

    def find(name: str) -> dict[str, Any]:
        if name not in rulesets:
            raise EntityNotFoundException(f"Ruleset {name} not found")
        return rulesets[name]

    def create_data_quality_ruleset(self: Any) -> ActionResult:
        request = dict(self.parameters)
        name, now = request["Name"], time.time()
        tags = request.pop("Tags", None)
        rulesets[name] = {**request, "CreatedOn": now, "LastModifiedOn": now}
        if tags:
            arn = f"arn:aws:glue:{self.region}:{self.current_account}:dataQualityRuleset/{name}"
            self.glue_backend.tag_resource(arn, tags)
        return ActionResult({"Name": name})

    def get_data_quality_ruleset(self: Any) -> ActionResult:
        return ActionResult(find(self.parameters["Name"]))

    def update_data_quality_ruleset(self: Any) -> ActionResult:
        find(self.parameters["Name"]).update(self.parameters, LastModifiedOn=time.time())
        return ActionResult({"Name": self.parameters["Name"]})

    def delete_data_quality_ruleset(self: Any) -> EmptyResult:
        find(self.parameters["Name"])
        del rulesets[self.parameters["Name"]]
        return EmptyResult()

    p.set(GlueResponse, "create_data_quality_ruleset", create_data_quality_ruleset)
    p.set(GlueResponse, "get_data_quality_ruleset", get_data_quality_ruleset)
    p.set(GlueResponse, "update_data_quality_ruleset", update_data_quality_ruleset)
    p.set(GlueResponse, "delete_data_quality_ruleset", delete_data_quality_ruleset)
