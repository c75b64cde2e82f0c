"""Budgets and cost anomaly monitors: calls of the Terraform provider that moto lacks."""

from __future__ import annotations

import json
from typing import Any

from moto.budgets.responses import BudgetsResponse
from moto.ce.responses import CostExplorerResponse

from emulator.patching import Patcher, patch


def _budget_arn(account: str, name: str) -> str:
    return f"arn:aws:budgets::{account}:budget/{name}"


@patch("budgets.tags")
def budget_tags(p: Patcher) -> None:
    """The provider reads a budget's tags after it made it; moto has no tags for budgets."""
    tags: dict[str, dict[str, dict[str, str]]] = {}

    def merge(arn: str, given: list[dict[str, str]] | None) -> None:
        tags.setdefault(arn, {}).update({each["Key"]: each for each in given or []})

    def make(original: Any) -> Any:
        def create_budget(self: Any) -> Any:
            answer = original(self)
            name = self._get_param("Budget")["BudgetName"]
            merge(_budget_arn(self._get_param("AccountId"), name), self._get_param("ResourceTags"))
            return answer

        return create_budget

    def list_tags_for_resource(self: Any) -> str:
        return json.dumps({"ResourceTags": list(tags.get(self._get_param("ResourceARN"), {}).values())})

    def tag_resource(self: Any) -> str:
        merge(self._get_param("ResourceARN"), self._get_param("ResourceTags"))
        return "{}"

    def untag_resource(self: Any) -> str:
        for key in self._get_param("ResourceTagKeys") or []:
            tags.get(self._get_param("ResourceARN"), {}).pop(key, None)
        return "{}"

    p.wrap(BudgetsResponse, "create_budget", make)
    p.set(BudgetsResponse, "list_tags_for_resource", list_tags_for_resource)
    p.set(BudgetsResponse, "tag_resource", tag_resource)
    p.set(BudgetsResponse, "untag_resource", untag_resource)


@patch("budgets.subscribers")
def budget_subscribers(p: Patcher) -> None:
    """The provider reads who is told of a budget's alarm; moto keeps them and has no call that gives them."""

    def describe_subscribers_for_notification(self: Any) -> str:
        budget = self.backend.budgets[self._get_param("AccountId")][self._get_param("BudgetName")]
        wanted = self._get_param("Notification")
        for each in budget.notifications:
            if all(each.details.get(key) == value for key, value in wanted.items()):
                return json.dumps({"Subscribers": each.subscribers})
        return json.dumps({"Subscribers": []})

    p.set(BudgetsResponse, "describe_subscribers_for_notification", describe_subscribers_for_notification)


@patch("ce.anomaly_monitors")
def anomaly_monitors(p: Patcher) -> None:
    """moto has no cost anomaly monitors."""
    monitors: dict[str, dict[str, Any]] = {}

    def create_anomaly_monitor(self: Any) -> str:
        request = json.loads(self.body)
        arn = f"arn:aws:ce::{self.current_account}:anomalymonitor/{len(monitors) + 1:08d}"
        monitors[arn] = {**request["AnomalyMonitor"], "MonitorArn": arn}
        self.ce_backend.tag_resource(arn, request.get("ResourceTags") or [])
        return json.dumps({"MonitorArn": arn})

    def get_anomaly_monitors(self: Any) -> str:
        wanted = json.loads(self.body).get("MonitorArnList") or list(monitors)
        return json.dumps({"AnomalyMonitors": [monitors[arn] for arn in wanted if arn in monitors]})

    def delete_anomaly_monitor(self: Any) -> str:
        monitors.pop(json.loads(self.body)["MonitorArn"], None)
        return "{}"

    p.set(CostExplorerResponse, "create_anomaly_monitor", create_anomaly_monitor)
    p.set(CostExplorerResponse, "get_anomaly_monitors", get_anomaly_monitors)
    p.set(CostExplorerResponse, "delete_anomaly_monitor", delete_anomaly_monitor)
