/** The icons of the page: lines of one width on a grid of 24, drawn for it. */

const PATHS = {
  add: "M12 5v14M5 12h14",
  angle: "M19 5L5 19h15M11.500 12.500c2.500 1.500 4 3.500 4 6.500",
  arrow: "M20 4L8 16M8 9v7h7M4 20h.01",
  archive: "M4 5h16v4H4zM6 9v10h12V9M10 13h4",
  axial: "M4 12c0-3.5 3.5-6 8-6s8 2.5 8 6-3.5 6-8 6-8-2.5-8-6zM12 12v4M10.5 11h3",
  all: "M4 4h9v16H4zM16 4h4v7h-4zM16 14h4v6h-4z",
  back: "M15 5l-7 7 7 7",
  brush: "M14 4l6 6-8.500 6.500-4-4zM7 13c-2.500 0-3 2-3 3.500S3 20 2.500 20c3 .8 7.500 0 8-4",
  camera: "M4 8h4l2-3h4l2 3h4v11H4zM12 16.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z",
  cards: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clip: "M4 15l8-4 8 4-8 4zM12 3v5M12 3l-2 2M12 3l2 2",
  close: "M6 6l12 12M18 6L6 18",
  contrast: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v16M12 8h6.5M12 12h8M12 16h6.5",
  compare: "M4 5h7v14H4zM13 5h7v14h-7zM6.500 12h2M15.500 12h2",
  coronal: "M7 4h10l1 6-2 10H8L6 10zM12 8v9",
  cube: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",
  download: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  edit: "M5 19l1-4L16.5 4.500l3 3L9 18zM14 7l3 3",
  eraser: "M9 20H20M4 14l9-9 6.500 6.500L12 19H8zM8.500 9.500l6.500 6.500",
  explode: "M9 9h6v6H9zM9 9L4 4M4 4v4M4 4h4M15 9l5-5M20 4v4M20 4h-4M9 15l-5 5M4 20v-4M4 20h4M15 15l5 5M20 20v-4M20 20h-4",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  eyeOff: "M4 4l16 16M9.5 6c.8-.3 1.6-.5 2.5-.5 6 0 9.5 6.5 9.5 6.5s-1 1.8-2.8 3.5M6.2 7.800C3.8 9.6 2.5 12 2.5 12S6 18.5 12 18.5c1.5 0 2.8-.4 4-1",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  here: "M12 3v4M12 17v4M3 12h4M17 12h4M12 8.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM12 12h.01",
  hand: "M8 12V6.5a1.5 1.5 0 0 1 3 0V11M11 10V5a1.5 1.5 0 0 1 3 0v6M14 11V6.5a1.5 1.5 0 0 1 3 0V14c0 4-2 7-6 7-3 0-4.5-1.5-6-4.5L4 13.5c-.6-1.4 1.2-2.3 2-1.200L8 15",
  headset: "M3 8h18v9h-6l-3-3-3 3H3zM7.5 12.5h.01M16.5 12.5h.01",
  help: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM9.5 9.5a2.5 2.5 0 1 1 3.5 2.300c-.7.3-1 .8-1 1.700M12 16.5h.01",
  history: "M4.5 7v4h4M4.800 11a7.500 7.500 0 1 1 .2 3M12 8v4.5l3 1.500",
  isolate: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v3M12 18v3M3 12h3M18 12h3",
  lasso: "M12 4c5 0 9 2.500 9 6s-4 6-9 6-9-2.500-9-6 4-6 9-6zM7 15c-1.500 1.500-.5 3 1 3s2 2 .5 3.500",
  learn: "M2.5 9L12 5l9.5 4L12 13zM6 11v5c2 2 10 2 12 0v-5M21.5 9v5",
  link: "M10 14l4-4M8.500 11.500l-2 2a3.500 3.500 0 0 0 5 5l2-2M15.500 12.500l2-2a3.500 3.500 0 0 0-5-5l-2 2",
  list: "M9 6h11M9 12h11M9 18h11M4 6h1M4 12h1M4 18h1",
  menu: "M4 7h16M4 12h16M4 17h16",
  outline: "M7 5c3-2 8 0 10 3s3 8 0 10-8 1-10-1-4-9 0-12z",
  pause: "M8 5v14M16 5v14",
  play: "M7 4.5v15l12-7.5z",
  polygon: "M5 8l8-4 7 6-3 9-10 1zM5 8h.01M13 4h.01M20 10h.01M17 19h.01M7 20h.01",
  probe: "M12 4v6M12 14v6M4 12h6M14 12h6M12 12h.01",
  redo: "M16 5l4 4-4 4M20 9h-9a5.500 5.500 0 0 0 0 11h5",
  report: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  roi: "M12 6c4.5 0 8 2.7 8 6s-3.5 6-8 6-8-2.7-8-6 3.5-6 8-6zM4 6h.01M20 18h.01",
  ruler: "M3 16L16 3l5 5L8 21zM7.5 11.5l2 2M11 8l2.5 2.5M14.5 4.5l2 2",
  sagittal: "M9 4c4 0 7 2 7 5l1.5 3-1.5 1v4h-3v3H8C5.5 17 5 13 5 10c0-4 2-6 4-6z",
  search: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15.5 15.5L20 20",
  send: "M4 12L20 4l-5 16-4-7zM11 13l9-9",
  shape: "M12 4c5 0 8 3 8 7s-2 4-3 6-3 3-6 3-7-3-7-8 3-8 8-8zM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
  share: "M12 15V4M8 7.5L12 3.5l4 4M6 11H5v9h14v-9h-1",
  slice: "M4 9l8-5 8 5-8 5zM4 14l8 5 8-5",
  tag: "M4 4h7l9 9-7 7-9-9zM8 8h.01",
  trash: "M5 7h14M9 7V4.5h6V7M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  undo: "M8 5L4 9l4 4M4 9h9a5.500 5.500 0 0 1 0 11H8",
  views: "M7 3h10v17l-5-4-5 4z",
  warning: "M12 4l9 16H3zM12 10v5M12 17.5h.01",
  xray: "M4 4h16v16H4zM12 7v10M8 9c2-1.500 6-1.500 8 0M8 12c2-1.500 6-1.500 8 0M8 15c2-1.500 6-1.500 8 0",
  zoom: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15.5 15.5L20 20M11 8.5v5M8.5 11h5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
