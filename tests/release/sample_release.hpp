// A release with something in every member, so that a member lost on the way shows.
#pragma once

#include "orchestration/release/release.hpp"

namespace orchestration {

inline release sample_release(int number) {
  using docker::json;
  released_container web;
  web.service = "web";
  web.number = 2;
  web.name = "shop-web-2";
  web.container_id = std::string(64, 'a');
  web.image_reference = "registry.example/shop:v2";
  web.image_id = "sha256:" + std::string(64, 'b');
  web.image_digest = "registry.example/shop@sha256:" + std::string(64, 'c');
  web.config_hash = std::string(64, 'd');
  web.paused = true;
  web.has_health_check = true;
  web.start_budget_ms = 90'000;
  web.start_level = 1;
  web.body = json::parse(R"({"Image":"sha256:bb","Env":["TOKEN=canary-5813"],"Cmd":null,"Entrypoint":[]})");
  web.connect_after.emplace_back("shop_back", json::parse(R"({"EndpointConfig":{"Aliases":["web"]}})"));

  released_container migrate;
  migrate.service = "migrate";
  migrate.name = "shop-migrate-1";
  migrate.image_id = web.image_id;
  migrate.should_run = false;
  migrate.completes = true;
  migrate.body = json::make_object();

  released_network network;
  network.name = "shop_back";
  network.external = true;
  network.body = json::parse(R"({"Driver":"bridge"})");

  released_volume volume;
  volume.key = "data";
  volume.name = "shop_data";
  volume.external = true;
  volume.body = json::parse(R"({"Labels":{"a":"b"}})");

  released_pin pin;
  pin.file = "/opt/shop/.env";
  pin.variable = "IMAGE_TAG";
  pin.value = "v2";

  release r;
  r.number = number;
  r.project = "shop";
  r.tag = "v2";
  r.created_at = "2026-11-21T10:55:01Z";
  r.created_by = "alice";
  r.reason = "update --tag v2";
  r.verdict = release_verdict::verified;
  r.previous = number - 1;
  r.ran_migration = true;
  r.attempt_id = "20261121T105501Z-4f2a9c";
  r.containers = {web, migrate};
  r.networks = {network};
  r.volumes = {volume};
  r.pins = {pin};
  return r;
}

}  // namespace orchestration
