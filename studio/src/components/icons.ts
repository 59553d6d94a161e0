/** The studio's icons: strokes on a square of 24, drawn for it. */

export const ICONS = {
  segment:
    "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M9 15c-2-3 1-7 4-6s4 5 1 7-4 1-5-1Z",
  library: "M4 4h7v7H4ZM13 4h7v7h-7ZM4 13h7v7H4ZM13 13h7v7h-7Z",
  cube: "M12 3 4 7.5v9L12 21l8-4.5v-9ZM4 7.5l8 4.5 8-4.5M12 12v9",
  jobs: "M4 6h10M4 12h10M4 18h6M17 5l1.5 1.5L21 4M17 11l1.5 1.5L21 10M15 18h6",
  models: "M12 3 3 8l9 5 9-5ZM3 12l9 5 9-5M3 16l9 5 9-5",
  status: "M3 12h4l2.5-7 5 14L17 12h4",
  key: "M15 9a4 4 0 1 1-4.5 4L3 20.5V17h3v-3h3l1.5-1.5",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5 19 19M19 5l-1.5 1.5M6.5 17.5 5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
  screen: "M3 5h18v12H3ZM9 21h6M12 17v4",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  download: "M12 4v11M7 11l5 5 5-5M4 20h16",
  upload: "M12 16V5M7 9l5-5 5 5M4 20h16",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  eye: "M2 12s3.5-7 10-7 10 7 10 7-3.5 7-10 7-10-7-10-7ZM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6Z",
  hidden:
    "M3 3l18 18M10 5.3A10 10 0 0 1 12 5c6.5 0 10 7 10 7a18 18 0 0 1-3 3.800M6 6.800C3.5 8.7 2 12 2 12s3.5 7 10 7a10 10 0 0 0 5-1.300M10 10a3 3 0 0 0 4 4",
  pointer: "M5 3l6 17 2.5-7L20 10.500Z",
  box: "M7 4H4v3M10.5 4h3M17 4h3v3M20 10.5v3M20 17v3h-3M13.5 20h-3M7 20H4v-3M4 13.5v-3",
  hand: "M8 12V5.500a1.5 1.5 0 0 1 3 0V11V4a1.5 1.5 0 0 1 3 0v7V5.500a1.5 1.5 0 0 1 3 0V14a7 7 0 0 1-7 7 6 6 0 0 1-5-3l-3-5.500a1.6 1.6 0 0 1 2.7-1.600L8 13",
  everything: "M4 9c0-3 3-5 5-4s2 5 0 6-5 1-5-2ZM13 6l6-2 2 7-5 1ZM4 15l7-1 2 6H5ZM16 15l5 1-2 5-4-1Z",
  zoomIn: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14ZM16 16l5 5M11 8v6M8 11h6",
  zoomOut: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14ZM16 16l5 5M8 11h6",
  fit: "M4 9V4h5M4 4l6 6M20 9V4h-5M20 4l-6 6M4 15v5h5M4 20l6-6M20 15v5h-5M20 20l-6-6",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14ZM16 16l5 5",
  folder: "M3 6h6l2 2h10v11H3Z",
  copy: "M9 9h11v11H9ZM5 15H4V4h11v1",
  check: "M5 12.5 10 17.5 19 7",
  warning: "M12 4 2.5 20h19ZM12 10v4.500M12 17.200v.3",
  retry: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
  more: "M5 12h.01M12 12h.01M19 12h.01",
} as const;

export type IconName = keyof typeof ICONS;
