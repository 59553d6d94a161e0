/** A model, lit and drawn on a canvas with three.js. Loaded when the first model is opened: it is larger than the studio. */

import {
  AmbientLight,
  Box3,
  CanvasTexture,
  DirectionalLight,
  HemisphereLight,
  Material,
  Mesh,
  MeshBasicMaterial,
  MeshStandardMaterial,
  PerspectiveCamera,
  PlaneGeometry,
  Scene,
  Sphere,
  Texture,
  Vector3,
  WebGLRenderer,
  type Object3D,
} from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

import { distanceFor, eye, type View } from "./orbit";

export interface Counts {
  faces: number;
  vertices: number;
}

export type Skin = "picture" | "clay" | "wires";

const OPENING_DEGREES = 32;
// More points than two to a pixel of the page cost time and show nothing.
const SHARPEST = 2;
const AIR = 1.04;

export class ModelScene {
  readonly #renderer: WebGLRenderer;
  readonly #scene = new Scene();
  readonly #camera = new PerspectiveCamera(OPENING_DEGREES, 1, 0.01, 100);
  readonly #light = new DirectionalLight(0xffffff, 1.5);
  readonly #clay = new MeshStandardMaterial({ color: 0xd8d2c8, roughness: 0.85 });
  // Faint, so that fine meshes are no blot: many lines behind each other add up.
  readonly #wires = new MeshBasicMaterial({ color: 0xd0582a, wireframe: true, transparent: true, opacity: 0.25 });
  readonly #own = new Map<Mesh, Material | Material[]>();
  #model: Object3D | undefined;
  #middle = new Vector3();
  #radius = 1;

  /** Throws where the browser draws nothing in three dimensions. */
  constructor(canvas: HTMLCanvasElement) {
    this.#renderer = new WebGLRenderer({ canvas, alpha: true, antialias: true, powerPreference: "low-power" });
    // The sum of the lights is one on what faces the eye: a photograph on a model looks as it does on paper.
    this.#scene.add(new HemisphereLight(0xffffff, 0x8a8580, 1.3), new AmbientLight(0xffffff, 0.6), this.#light);
    this.#scene.add(this.#light.target);
  }

  /** Shows a GLB in place of what was shown; says how much it is made of. */
  async open(bytes: ArrayBuffer): Promise<Counts> {
    const { scene } = await new GLTFLoader().parseAsync(bytes, "");
    this.#clear();
    this.#model = scene;
    const counts = { faces: 0, vertices: 0 };
    const sharpest = this.#renderer.capabilities.getMaxAnisotropy();
    for (const mesh of meshesIn(scene)) {
      const points = mesh.geometry.getAttribute("position").count;
      counts.vertices += points;
      counts.faces += Math.floor((mesh.geometry.index?.count ?? points) / 3);
      this.#own.set(mesh, mesh.material);
      for (const texture of texturesOf(mesh.material)) texture.anisotropy = sharpest;
    }
    const box = new Box3().setFromObject(scene);
    const ball = box.getBoundingSphere(new Sphere());
    this.#middle = ball.center;
    this.#radius = ball.radius || 1;
    this.#scene.add(scene, shadowUnder(box));
    return counts;
  }

  wear(skin: Skin): void {
    for (const [mesh, own] of this.#own)
      mesh.material = skin === "picture" ? own : skin === "clay" ? this.#clay : this.#wires;
  }

  /** The size of the canvas on the page, in the page's pixels. */
  resize(width: number, height: number): void {
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, SHARPEST));
    this.#renderer.setSize(width, height, false);
    this.#camera.aspect = width / Math.max(height, 1);
    this.#camera.updateProjectionMatrix();
  }

  draw(view: View): void {
    const opening = (OPENING_DEGREES * Math.PI) / 180;
    const distance = distanceFor(this.#radius * AIR, opening, this.#camera.aspect);
    const [x, y, z] = eye(view, distance);
    this.#camera.position.set(x, y, z).add(this.#middle);
    this.#camera.lookAt(this.#middle);
    this.#camera.near = Math.max(distance / view.zoom - 2 * this.#radius, this.#radius / 100);
    this.#camera.far = distance / view.zoom + 3 * this.#radius;
    this.#camera.updateProjectionMatrix();
    // Over the left shoulder of whoever looks, wherever that is: no side lies in the dark.
    this.#light.position.set(-0.5, 0.7, 1).applyQuaternion(this.#camera.quaternion).add(this.#middle);
    this.#light.target.position.copy(this.#middle);
    this.#renderer.render(this.#scene, this.#camera);
  }

  /** Gives all memory of the graphics card back; nothing can be drawn after. */
  dispose(): void {
    this.#clear();
    this.#clay.dispose();
    this.#wires.dispose();
    this.#renderer.dispose();
    this.#renderer.forceContextLoss();
  }

  #clear(): void {
    this.wear("picture");
    this.#own.clear();
    for (const kept of [...this.#scene.children]) {
      if (kept !== this.#model && !(kept instanceof Mesh)) continue;
      this.#scene.remove(kept);
      for (const mesh of meshesIn(kept)) {
        mesh.geometry.dispose();
        for (const texture of texturesOf(mesh.material)) {
          texture.dispose();
          if (texture.image instanceof ImageBitmap) texture.image.close();
        }
        for (const material of [mesh.material].flat()) material.dispose();
      }
    }
    this.#model = undefined;
  }
}

function meshesIn(object: Object3D): Mesh[] {
  const found: Mesh[] = [];
  object.traverse((child) => {
    if (child instanceof Mesh) found.push(child);
  });
  return found;
}

function texturesOf(materials: Material | Material[]): Texture<unknown>[] {
  return [materials].flat().flatMap((material) => Object.values(material).filter((value) => value instanceof Texture));
}

/** A soft darkness on the ground, so that the model stands and does not float. */
function shadowUnder(box: Box3): Mesh {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 128;
  const context = canvas.getContext("2d");
  if (context) {
    const fade = context.createRadialGradient(64, 64, 0, 64, 64, 64);
    fade.addColorStop(0, "rgba(0, 0, 0, 0.42)");
    fade.addColorStop(0.5, "rgba(0, 0, 0, 0.16)");
    fade.addColorStop(1, "rgba(0, 0, 0, 0)");
    context.fillStyle = fade;
    context.fillRect(0, 0, 128, 128);
  }
  const size = box.getSize(new Vector3());
  const middle = box.getCenter(new Vector3());
  const look = new MeshBasicMaterial({ map: new CanvasTexture(canvas), transparent: true, depthWrite: false });
  const ground = new Mesh(new PlaneGeometry(size.x * 1.35, Math.max(size.z * 1.9, size.x * 0.35)), look);
  ground.rotation.x = -Math.PI / 2;
  ground.position.set(middle.x, box.min.y - 0.005 * size.y, middle.z);
  return ground;
}
