import { describe, expect, it } from "vitest";
import { sceneViewer } from "../src/phone/viewers";

describe("Scene Viewer", () => {
  it("gets the file to scale, and the page where the phone does not have it", () => {
    const file = "https://example.org/v1/jobs/a/linked/model.glb?ticket=vsn_x&y";
    const address = sceneViewer(file, "https://example.org/#/jobs/a;b");
    const [, query = "", intent = ""] = /^intent:\/\/arvr\.google\.com\/scene-viewer\/1\.2\?([^#]*)#Intent;(.*);end;$/.exec(address) ?? [];
    expect(Object.fromEntries(new URLSearchParams(query))).toEqual({ file, mode: "ar_preferred", resizable: "false", title: "Viscera" });
    expect(intent.split(";")).toContain("S.browser_fallback_url=https%3A%2F%2Fexample.org%2F%23%2Fjobs%2Fa%3Bb");
    expect(intent.split(";")).toHaveLength(4);
  });
});
