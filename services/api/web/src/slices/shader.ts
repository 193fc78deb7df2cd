/** How a slice is drawn: the volume within its window, outlines one to two screen pixels wide, a tint inside them. */
export const VERTEX = `
out vec2 place;
void main() {
  place = position.xy * 0.5 + 0.5;
  gl_Position = vec4(position.xy, 0.0, 1.0);
}`;

export const FRAGMENT = `
precision highp float;
precision highp sampler3D;
precision highp usampler3D;
uniform sampler3D volume;
uniform usampler3D labels;
uniform sampler2D palette;
uniform vec3 size;
// Voxel at the upper left corner of the tile, and the steps of one pixel to the right and down.
uniform vec3 corner;
uniform vec3 right;
uniform vec3 down;
uniform vec2 pixels;
// Voxel axes in the plane, positive.
uniform vec3 across;
uniform vec3 downwards;
uniform vec2 window;
uniform float rim;
in vec2 place;
out vec4 colour;

uint stored(vec3 voxel) {
  return texelFetch(labels, ivec3(clamp(voxel, vec3(0.0), size - 1.0)), 0).r;
}

// The label with the largest weight among the four voxels about a point: outlines run between voxels, not in stairs.
uint labelAt(vec3 voxel) {
  vec3 inside = across + downwards;
  vec3 low = floor(voxel) * inside + round(voxel) * (1.0 - inside);
  float u = dot(voxel - low, across);
  float v = dot(voxel - low, downwards);
  uint a = stored(low), b = stored(low + across), c = stored(low + downwards), d = stored(low + inside);
  if (a == b && b == c && c == d) return a;
  vec4 weight = vec4((1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v);
  float wa = weight.x + (b == a ? weight.y : 0.0) + (c == a ? weight.z : 0.0) + (d == a ? weight.w : 0.0);
  float wb = weight.y + (a == b ? weight.x : 0.0) + (c == b ? weight.z : 0.0) + (d == b ? weight.w : 0.0);
  float wc = weight.z + (a == c ? weight.x : 0.0) + (b == c ? weight.y : 0.0) + (d == c ? weight.w : 0.0);
  float wd = weight.w + (a == d ? weight.x : 0.0) + (b == d ? weight.y : 0.0) + (c == d ? weight.z : 0.0);
  float most = max(max(wa, wb), max(wc, wd));
  if (wa == most) return a;
  if (wb == most) return b;
  return wc == most ? c : d;
}

void main() {
  vec2 pixel = vec2(place.x, 1.0 - place.y) * pixels;
  vec3 voxel = corner + right * pixel.x + down * pixel.y;
  colour = vec4(0.0, 0.0, 0.0, 1.0);
  if (any(lessThan(voxel, vec3(-0.5))) || any(greaterThan(voxel, size - 0.5))) return;
  float value = texture(volume, (voxel + 0.5) / size).r;
  colour.rgb = vec3(clamp((value - window.x) / max(window.y - window.x, 1e-6), 0.0, 1.0));
  uint label = labelAt(voxel);
  if (label == 0u) return;
  vec4 ink = texelFetch(palette, ivec2(int(label), 0), 0);
  if (ink.a == 0.0) return;
  vec3 r = right * rim;
  vec3 d = down * rim;
  bool edge = labelAt(voxel + r) != label || labelAt(voxel - r) != label || labelAt(voxel + d) != label || labelAt(voxel - d) != label;
  colour.rgb = mix(colour.rgb, ink.rgb, edge ? 1.0 : (ink.a * 255.0 - 1.0) / 254.0);
}`;
