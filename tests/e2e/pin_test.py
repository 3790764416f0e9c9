"""Where the tag is kept: what dockupd writes into the user's files, and that docker compose finds nothing to do after."""
import contextlib
import json
import os
import stat
import subprocess
import unittest

from scenario import BesideCompose, docker, inspect, run

IMAGE = "127.0.0.1:5000/tiny"


class Pin(BesideCompose):
    def setUp(self):
        super().setUp()
        self.literal = self.read("compose.yaml").decode().replace(
            "${TINY_REGISTRY:-127.0.0.1:5000}/tiny:${IMAGE_TAG}", f"{IMAGE}:v1")

    def images(self):
        return {name: self.image_of(f"tiny-{name}-1") for name in ("app", "worker")}

    def assert_images(self, reference):
        self.assertEqual(self.images(), {"app": reference, "worker": reference})

    def assert_compose_finds_nothing_to_do(self, *options):
        before = self.containers()
        self.compose(*options, "up", "-d")
        self.assertEqual(self.containers(), before, "docker compose up recreates nothing")

    def tags(self, *arguments, verb="plan", expect=10):
        services = self.result(verb, *arguments, expect=expect)["plan"]["services"]
        return {s["service"]: (s["tag"], s["tag_source"], s["tag_text"]) for s in services}

    # --- where it comes from

    def test_plan_and_status_say_where_each_tag_comes_from(self):
        services = f"  literal:\n    image: {IMAGE}:v1\n  preset:\n    image: {IMAGE}:${{PRESET_TAG:-v1}}\n"
        self.write("compose.yaml", self.read("compose.yaml").decode().replace("services:\n", "services:\n" + services))
        self.set_tag("v1")
        line = self.read(".env").decode().splitlines().index("IMAGE_TAG=v1") + 1
        said = self.tags()
        self.assertEqual(said["app"], ("v1", "env_file", f"IMAGE_TAG in .env:{line}"))
        self.assertRegex(said["literal"][2], r"^written in compose\.yaml:\d+$")
        self.assertRegex(said["preset"][2], r"^PRESET_TAG, its default in compose\.yaml:\d+$")
        shown = self.dockupd("plan", expect=10).stdout
        self.assertRegex(shown, rf"(?m)^app +v1 +IMAGE_TAG in \.env:{line}$")
        self.assertRegex(shown, r"(?m)^worker +create +not there yet$")
        self.dockupd("update")
        self.assertRegex(self.dockupd("status").stdout, rf"(?m)^app +v1 +IMAGE_TAG in \.env:{line}$")
        self.assertEqual({t["service"] for t in self.result("status")["tags"]}, {"app", "worker", "literal", "preset"})
        self.assertRegex(self.dockupd("plan").stdout, r"(?m)^worker +nothing$")
        shell = run(self.command("plan", "--json"), cwd=self.project, env={**os.environ, "IMAGE_TAG": "v2"})
        services = {s["service"]: s for s in json.loads(shell.stdout)["plan"]["services"]}
        self.assertEqual(services["app"]["tag_source"], "shell")

    # --- the line

    def test_the_line_alone_changes_in_a_file_of_many_forms(self):
        before = b"# caf\xc3\xa9\r\nexport IMAGE_TAG = 'v0'\r\nA=1\r\nexport IMAGE_TAG='v1'   # ours\r\nB: 2\r\n"
        os.mkdir(self.path("shared"))
        with open(self.path("shared", "real.env"), "wb") as file:
            file.write(before)
        os.remove(self.path(".env"))
        os.symlink("shared/real.env", self.path(".env"))
        real = self.path("shared", "real.env")
        os.chmod(real, 0o640)
        os.chown(real, 1234, 5678)
        os.setxattr(real, "user.note", b"kept")
        self.dockupd("update", "--tag", "v1")
        self.assertEqual(self.read(".env"), before)
        self.dockupd("update", "--tag", "v2")
        self.assertEqual(self.read(".env"), before.replace(b"'v1'", b"'v2'"))
        self.assertTrue(os.path.islink(self.path(".env")))
        now = os.stat(real)
        self.assertEqual((stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid), (0o640, 1234, 5678))
        self.assertEqual(os.getxattr(real, "user.note"), b"kept")
        self.assertEqual(os.listdir(self.path("shared")), ["real.env"])
        self.assert_compose_finds_nothing_to_do()

    def test_a_file_that_is_not_there_is_made_as_its_owner_would(self):
        self.write("compose.yaml", self.read("compose.yaml").decode().replace("${IMAGE_TAG}", "${IMAGE_TAG:-v1}"))
        os.remove(self.path(".env"))
        os.chown(self.project, 1234, 5678)
        self.dockupd("update")
        self.assertFalse(os.path.exists(self.path(".env")), "no tag was given")
        self.dockupd("update", "--tag", "v2")
        self.assertEqual(self.read(".env"), b"IMAGE_TAG=v2\n")
        made = os.stat(self.path(".env"))
        self.assertEqual((stat.S_IMODE(made.st_mode), made.st_uid, made.st_gid), (0o644, 1234, 5678))
        self.assert_compose_finds_nothing_to_do()

    def test_the_last_env_file_that_sets_it_is_written(self):
        self.write("a.env", "IMAGE_TAG=v0\nX=1\n")
        self.write("b.env", "IMAGE_TAG=v1\n")
        self.write("c.env", "Y=1")
        files = [word for name in ("a.env", "b.env", "c.env") for word in ("--env-file", name)]
        self.compose(*files, "up", "-d", "--wait")
        self.dockupd("update", "--tag", "v2", *files)
        self.assertEqual([self.read(f"{name}.env") for name in "abc"],
                         [b"IMAGE_TAG=v0\nX=1\n", b"IMAGE_TAG=v2\n", b"Y=1"])
        self.assert_compose_finds_nothing_to_do(*files)
        # What compose was given is in its labels: nobody has to type it again.
        self.dockupd("rollback", "--with-data")
        self.assertEqual(self.read("b.env"), b"IMAGE_TAG=v1\n")
        self.dockupd("unhold", f"{IMAGE}:v2")
        done = self.dockupd("update", "--tag", "v2")
        self.assertIn("--env-file", done.stderr)
        self.assertEqual(self.read("b.env"), b"IMAGE_TAG=v2\n")
        self.assertEqual(self.tags("--tag", "v1")["app"][2], "IMAGE_TAG in b.env:1 (--env-file)")

    def test_what_the_shell_sets_is_refused_with_what_to_type(self):
        self.dockupd("update", "--tag", "v1")
        before = self.containers()
        done = self.dockupd("update", "--tag", "v2", expect=3, environment={"IMAGE_TAG": "v1"})
        self.assertIn("unset IMAGE_TAG", done.stderr)
        self.assertEqual(self.containers(), before)

    @contextlib.contextmanager
    def mounted(self, source, target, *options):
        subprocess.run(["mount", "--bind", source, target], check=True)
        try:
            if options:
                subprocess.run(["mount", "-o", "remount,bind," + ",".join(options), target], check=True)
            yield
        finally:
            subprocess.run(["umount", target], check=True)

    def test_files_that_cannot_be_written_are_found_before_anything_stops(self):
        self.dockupd("update", "--tag", "v1")
        before = self.containers()
        line = self.read(".env")
        with self.mounted(self.project, self.project, "ro"):
            done = self.dockupd("update", "--tag", "v2", expect=3)
            self.assertIn("read-only file system", done.stderr)
            self.assertIn("--pin none", done.stderr)
        self.assertEqual(self.containers(), before)
        self.assertEqual(self.read(".env"), line)

    def test_a_file_that_is_a_mount_of_its_own_is_written_in_place(self):
        self.dockupd("update", "--tag", "v1")
        outside = os.path.join(self.work, "outside.env")
        with open(outside, "wb") as file:
            file.write(self.read(".env"))
        with self.mounted(outside, self.path(".env")):
            self.dockupd("update", "--tag", "v2")
            self.assertIn(b"IMAGE_TAG=v2\n", self.read(".env"))
        with open(outside, "rb") as file:
            self.assertIn(b"IMAGE_TAG=v2\n", file.read())

    # --- a digest

    def digest_of(self, tag):
        docker("pull", f"{IMAGE}:{tag}")
        return inspect(f"{IMAGE}:{tag}")["RepoDigests"][0].split("@")[1]

    def test_an_exact_pin_is_what_compose_runs_too(self):
        self.dockupd("update", "--tag", "v1")
        digest = self.digest_of("v2")
        result = self.result("update", "--tag", "v2", "--pin", "digest")
        self.assertEqual(result["release_now"]["tag"], f"v2@{digest}")
        self.assertIn(f"IMAGE_TAG=v2@{digest}\n".encode(), self.read(".env"))
        self.assert_images(f"{IMAGE}:v2@{digest}")
        self.assert_compose_finds_nothing_to_do()
        self.assertIn(f"v2@{digest[:19]}", self.dockupd("status").stdout)
        self.assertIn("v2@sha256:", self.dockupd("history").stdout)
        self.assertEqual(self.result("plan")["outcome"], "nothing_to_do")
        self.dockupd("rollback", "--with-data")
        self.assert_runs("v1")
        self.assert_compose_finds_nothing_to_do()
        self.dockupd("unhold", f"{IMAGE}:v2@{digest}")
        # Spelled out it is the same, and forward by its tag too.
        self.dockupd("update", "--tag", f"v2@{digest}")
        self.assert_images(f"{IMAGE}:v2@{digest}")
        self.assert_compose_finds_nothing_to_do()

    def test_a_digest_that_does_not_exist_stops_nothing(self):
        self.dockupd("update", "--tag", "v1")
        before = self.containers()
        self.dockupd("update", "--tag", "v2@sha256:" + "0" * 64, expect=4)
        self.assertEqual(self.containers(), before)
        self.assertEqual(self.running(), ["tiny-app-1", "tiny-worker-1"])
        self.assert_runs("v1")

    # --- images that are written out

    def test_a_literal_image_is_refused_with_both_ways_out(self):
        self.write("compose.yaml", self.literal)
        self.dockupd("update")
        before = self.containers()
        for asked in (["--tag", "v2"], ["--image", f"app={IMAGE}:v2"]):
            done = self.dockupd("update", *asked, expect=3)
            self.assertIn("--pin override", done.stderr)
            self.assertIn("compose.yaml:", done.stderr)
        self.assertIn(f"image: {IMAGE}:${{APP_TAG:-v1}}", self.dockupd("update", "--tag", "v2", expect=3).stderr)
        self.assertEqual(self.containers(), before)
        self.assertFalse(os.path.exists(self.path("compose.override.yaml")))

    def test_the_override_file_is_made_and_goes_again(self):
        self.write("compose.yaml", self.literal)
        self.compose("up", "-d", "--wait")
        shown = self.dockupd("plan", "--tag", "v2", "--pin", "override", expect=10).stdout
        self.assertRegex(shown, rf"pin +app={IMAGE}:v2, worker={IMAGE}:v2 +in .*/compose\.override\.yaml")
        self.assertFalse(os.path.exists(self.path("compose.override.yaml")))
        self.dockupd("update", "--tag", "v2", "--pin", "override")
        self.assertTrue(self.read("compose.override.yaml").decode().endswith(
            f"services:\n  app:\n    image: {IMAGE}:v2\n  worker:\n    image: {IMAGE}:v2\n"))
        self.assert_images(f"{IMAGE}:v2")
        self.assert_compose_finds_nothing_to_do()
        self.assertEqual(self.result("plan")["outcome"], "nothing_to_do")
        self.dockupd("rollback", "--with-data")
        self.assert_images(f"{IMAGE}:v1")
        self.assertFalse(os.path.exists(self.path("compose.override.yaml")))
        self.assert_compose_finds_nothing_to_do()

    def test_an_override_file_of_the_users_keeps_every_other_byte(self):
        self.write("compose.yaml", self.literal)
        before = f"# ours\nservices:\n  worker: # w\n    image: \"{IMAGE}:v1\"  # kept\n    labels: {{a: b}}\n"
        self.write("docker-compose.override.yml", before)
        self.compose("up", "-d", "--wait")
        self.dockupd("update", "--image", f"worker={IMAGE}:v2", "--pin", "override")
        self.assertEqual(self.read("docker-compose.override.yml").decode(), before.replace("v1", "v2"))
        self.assertEqual(self.images(), {"app": f"{IMAGE}:v1", "worker": f"{IMAGE}:v2"})
        self.assert_compose_finds_nothing_to_do()
        edited = self.read("docker-compose.override.yml").decode() + "# mine\n"
        self.write("docker-compose.override.yml", edited)
        self.dockupd("rollback", "--with-data")
        self.assertEqual(self.read("docker-compose.override.yml").decode(), edited.replace("v2", "v1"))
        self.assert_compose_finds_nothing_to_do()

    def test_an_image_that_somebody_else_set_is_left_alone(self):
        self.write("compose.yaml", self.literal)
        self.dockupd("update")
        self.dockupd("update", "--tag", "v2", "--pin", "override")
        mine = self.read("compose.override.yaml").decode().replace(":v2", ":v3")
        self.write("compose.override.yaml", mine)
        done = self.dockupd("rollback", "--with-data")
        self.assertIn("somebody changed services.app.image", done.stdout + done.stderr)
        self.assertEqual(self.read("compose.override.yaml").decode(), mine)
        self.assert_images(f"{IMAGE}:v1")

    def test_a_failed_update_leaves_no_override_file(self):
        self.write("compose.yaml", self.literal)
        self.dockupd("update")
        self.dockupd("update", "--tag", "v3", "--pin", "override", expect=20)
        self.assertFalse(os.path.exists(self.path("compose.override.yaml")))
        self.assert_images(f"{IMAGE}:v1")
        self.assert_compose_finds_nothing_to_do()

    def test_files_that_were_given_have_no_override_file(self):
        self.write("compose.yaml", self.literal)
        self.dockupd("update", "-f", "compose.yaml")
        before = self.containers()
        for options, environment in ((["-f", "compose.yaml"], {}), ([], {"COMPOSE_FILE": "compose.yaml"})):
            done = self.dockupd("update", "--tag", "v2", "--pin", "override", *options, expect=3, environment=environment)
            self.assertIn(f"image: {IMAGE}:v2", done.stderr)
        self.assertEqual(self.containers(), before)

    def test_braces_in_the_override_file_are_refused(self):
        self.write("compose.yaml", self.literal)
        self.write("compose.override.yaml", f"services: {{app: {{image: '{IMAGE}:v1'}}}}\n")
        self.dockupd("update")
        done = self.dockupd("update", "--image", f"app={IMAGE}:v2", "--pin", "override", expect=3)
        self.assertIn("services is written in braces", done.stderr)
        self.assertIn(f"image: {IMAGE}:v2", done.stderr)

    def test_what_is_kept_nowhere_is_said(self):
        self.dockupd("update", "--tag", "v1")
        line = self.read(".env")
        done = self.dockupd("update", "--tag", "v2", "--pin", "none")
        self.assertIn("the next `docker compose up` brings back v1", done.stdout)
        self.assertEqual(self.read(".env"), line)
        self.assert_images(f"{IMAGE}:v2")
        self.compose("up", "-d")
        self.assert_images(f"{IMAGE}:v1")

    # --- .env as an env_file

    def test_services_that_read_the_tag_as_environment_change_with_it(self):
        self.write("compose.yaml", self.read("compose.yaml").decode().replace(
            "  worker:\n    image: ${TINY_REGISTRY:-127.0.0.1:5000}/tiny:${IMAGE_TAG}\n",
            f"  worker:\n    image: {IMAGE}:v1\n    env_file: .env\n"))
        self.dockupd("update", "--tag", "v1")
        plan = self.result("plan", "--tag", "v2", expect=10)["plan"]
        worker = next(s for s in plan["services"] if s["service"] == "worker")
        self.assertEqual((worker["action"], worker["causes"]), ("recreate", ["its env_file .env has IMAGE_TAG"]))
        self.dockupd("update", "--tag", "v2")
        self.assertIn("IMAGE_TAG=v2", inspect("tiny-worker-1")["Config"]["Env"])
        self.assertEqual(self.images(), {"app": f"{IMAGE}:v2", "worker": f"{IMAGE}:v1"})
        self.assert_compose_finds_nothing_to_do()
        self.dockupd("rollback", "--with-data")
        self.assertIn("IMAGE_TAG=v1", inspect("tiny-worker-1")["Config"]["Env"])
        self.assert_compose_finds_nothing_to_do()

    # --- why

    def test_plan_says_what_differs_in_words_of_the_compose_file(self):
        self.dockupd("update", "--tag", "v1")
        text = self.read("compose.yaml").decode()
        worker = "    command: [\"/app/run\", \"worker\"]\n"
        cases = {
            "    environment: {SECRET_LEVEL: canary}\n": ["environment: SECRET_LEVEL added"],
            "    ports: [\"127.0.0.1:8099:80\"]\n": ["ports: 127.0.0.1:8099:80/tcp added"],
            "    volumes: [\"data:/more\"]\n": ["volumes: /more added"],
            "    labels: {tier: back}\n": ["labels: tier added"],
            "    mem_limit: 64m\n    restart: always\n": ["mem_limit changed", "restart changed"],
            "    attach: false\n": ["configuration changed"],
        }
        for lines, causes in cases.items():
            with self.subTest(lines):
                self.write("compose.yaml", text.replace(worker, worker + lines))
                done = self.dockupd("plan", expect=10)
                self.assertNotIn("canary", done.stdout)
                services = {s["service"]: s for s in self.result("plan", expect=10)["plan"]["services"]}
                self.assertEqual(services["worker"]["causes"], causes)
                self.assertEqual(services["app"]["action"] in ("nothing", "restart"), True)
        self.write("compose.yaml", text.replace(worker, worker + "    scale: 2\n"))
        self.assertIn("worker.2: not there yet", self.dockupd("plan", expect=10).stdout)
        self.write("compose.yaml", text)
        self.assertEqual(self.result("plan")["outcome"], "nothing_to_do")

    def test_what_compose_deployed_shows_no_difference(self):
        self.set_tag("v1")
        self.compose("up", "-d")
        services = self.result("plan")["plan"]["services"]
        self.assertEqual([(s["action"], s["causes"]) for s in services], [("nothing", []), ("nothing", [])])
        services = {s["service"]: s for s in self.result("plan", "--tag", "v2", expect=10)["plan"]["services"]}
        self.assertEqual(services["app"]["causes"], ["image tiny:v1 -> tiny:v2"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
